// It is defined in an attribute of an element, where plain URL would be that of the document.
window.labSave ||= (button, kind) => {
  const panel = button.closest('.lab-panel');
  const name = [...panel.classList].find(found => /^lab-.+Panel$/.test(found))?.slice(4) ?? 'panel';
  const isShown = part => part.getBoundingClientRect().width > (part.matches('.lab-key') ? 0 : 40);
  const put = content => {
    const link = document.createElement('a');
    link.href = window.URL.createObjectURL(content);
    link.download = `${name}.${kind}`;
    link.click();
    setTimeout(() => window.URL.revokeObjectURL(link.href), 10000);
  };
  const report = text => { button.parentElement.querySelector('span').textContent = text; };
  report('');
  if (kind === 'csv') {
    const text = cell => cell.innerText.trim().replace('\u2212', '-') || /\S*$/.exec(cell.title)[0];
    const quoted = value => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
    const tables = [...panel.querySelectorAll('table')].filter(isShown);
    const lines = tables.map(table => [...table.rows].map(row => [...row.cells].map(cell => quoted(text(cell))).join()).join('\n'));
    return tables.length ? put(new Blob([`${lines.join('\n\n')}\n`], { type: 'text/csv' })) : report('There is no table yet.');
  }
  // a plot of bqplot is several layers in one box; other drawings are single; keys name the lines of the plots above them
  const parts = [...panel.querySelectorAll('.bqplot, svg:not(.bqplot svg), img, .lab-key')].filter(isShown);
  if (parts.every(part => part.matches('.lab-key'))) return report('There is no picture yet.');
  const STYLES = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-opacity', 'stroke-dasharray', 'opacity', 'display',
    'visibility', 'font-size', 'font-family', 'font-weight', 'text-anchor', 'dominant-baseline', 'paint-order', 'writing-mode'];
  const space = 'http://www.w3.org/2000/svg';
  const make = (name, attributes) => {
    const made = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const whole = make('svg', {});
  let [width, height] = [0, 0];
  for (const part of parts) {
    const write = (text, x, fill) => {
      whole.append(make('text', { x, y: height + 14, fill, 'font-size': 12, 'font-family': 'sans-serif' }));
      whole.lastChild.textContent = text;
    };
    const colour = getComputedStyle(panel).color;
    const box = part.getBoundingClientRect();
    if (part.matches('.lab-key')) {
      const [swatch, name] = part.childNodes;
      const look = getComputedStyle(swatch);
      const dashes = { dashed: '8 5', dotted: '2 4' }[look.borderTopStyle] ?? 'none';
      const y = height + 10;
      const line = { x1: 4, x2: 30, y1: y, y2: y, stroke: look.borderTopColor, 'stroke-width': 4, 'stroke-dasharray': dashes };
      if (swatch.innerText) write(swatch.innerText, 14, look.color);
      else whole.append(make('line', line));
      write(name.textContent.trim(), 36, colour);
    }
    const title = part.alt ?? part.ariaLabel;
    if (title) {
      write(title, 4, colour);
      height += 20;
    }
    const place = { y: height, width: box.width, height: box.height };
    if (part.matches('img')) whole.append(make('image', { href: part.src, style: 'image-rendering:pixelated', ...place }));
    for (const layer of part.matches('svg') ? [part] : part.querySelectorAll(':scope > svg')) {
      const copy = layer.cloneNode(true);
      const originals = [layer, ...layer.querySelectorAll('*')];
      [copy, ...copy.querySelectorAll('*')].forEach((part, n) => {
        const look = getComputedStyle(originals[n]); // colours of the theme, which the file does not have
        part.setAttribute('style', STYLES.map(style => `${style}:${look.getPropertyValue(style)}`).join(';'));
      });
      for (const [key, value] of Object.entries({ x: 0, ...place })) copy.setAttribute(key, value);
      whole.append(copy);
    }
    width = Math.max(width, box.width + 20, title ? 7 * title.length : 0);
    height += box.height + (part.matches('.lab-key') ? 2 : 10);
  }
  const fill = getComputedStyle(document.body).getPropertyValue('--jp-layout-color1').trim() || '#fff';
  for (const [key, value] of Object.entries({ width, height })) whole.setAttribute(key, value);
  whole.prepend(make('rect', { width, height, fill }));
  const file = new Blob([new XMLSerializer().serializeToString(whole)], { type: 'image/svg+xml' });
  if (kind === 'svg') return put(file);
  const image = new Image();
  image.onload = () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 2 * width, height: 2 * height });
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(put);
    window.URL.revokeObjectURL(image.src);
  };
  image.src = window.URL.createObjectURL(file);
};
