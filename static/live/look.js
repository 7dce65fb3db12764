// The colours of the theme in use, for canvases, and the legend of the classes.

const { element } = await import(new URL(`./page.js${new URL(import.meta.url).search}`, import.meta.url));

export function lookOf(root) {
  const style = getComputedStyle(root), named = (name) => style.getPropertyValue(`--st-${name}`).trim();
  return {
    text: named('text-color'), line: named('border-color'), accent: named('primary-color'),
    ground: named('background-color'), font: named('font'), classes: named('chart-categorical-colors').split(','),
  };
}

export function fillLegend(list, classes, look) {
  list.replaceChildren(...classes.map((name, at) => {
    const mark = element('i');
    mark.style.background = look.classes[at % look.classes.length];
    return element('li', {}, mark, name);
  }));
}
