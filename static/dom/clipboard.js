// Puts a text on the clipboard, or shows it selected where a page may not: browsers give none to plain HTTP.

/** @param {string} text @param {HTMLTextAreaElement} field @param {Element} note */
export async function copyText(text, field, note) {
  try {
    await navigator.clipboard.writeText(text); // undefined on plain HTTP
    field.hidden = true;
    note.textContent = 'Copied.';
  } catch {
    Object.assign(field, { value: text, hidden: false });
    field.focus();
    field.select();
    note.textContent = 'Press Ctrl+C (Mac: \u2318C) to copy what is selected.';
  }
}
