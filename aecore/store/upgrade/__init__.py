"""Run folders of format 1 made format 2: the same runs under the standard names, their weights bit for bit the same.

tables     every name that changed, old -> new
documents  JSON: settings, results, histories, states
tensors    safetensors files, by their headers
"""
