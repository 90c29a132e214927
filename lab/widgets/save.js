// It is defined in an attribute of an element, where plain URL would be that of the document.
window.labSave ||= (button, kind) => {
  const panel = button.closest('.lab-panel');
  const name = [...panel.classList].find(found => /^lab-.+Panel$/.test(found))?.slice(4) ?? 'panel';
  const isShown = part => part.getBoundingClientRect().width > 40;
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
  // a plot of bqplot is several layers in one box; other drawings are single
  const plots = [...panel.querySelectorAll('.bqplot, svg:not(.bqplot svg)')].filter(isShown);
  if (!plots.length) return report('There is no picture yet.');
  const STYLES = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-opacity', 'stroke-dasharray', 'opacity', 'display',
    'visibility', 'font-size', 'font-family', 'font-weight', 'text-anchor', 'dominant-baseline', 'paint-order', 'writing-mode'];
  const space = 'http://www.w3.org/2000/svg';
  const whole = document.createElementNS(space, 'svg');
  let [width, height] = [0, 0];
  for (const plot of plots) {
    const box = plot.getBoundingClientRect();
    for (const layer of plot.matches('svg') ? [plot] : plot.querySelectorAll(':scope > svg')) {
      const copy = layer.cloneNode(true);
      const originals = [layer, ...layer.querySelectorAll('*')];
      [copy, ...copy.querySelectorAll('*')].forEach((part, n) => {
        const look = getComputedStyle(originals[n]); // colours of the theme, which the file does not have
        part.setAttribute('style', STYLES.map(style => `${style}:${look.getPropertyValue(style)}`).join(';'));
      });
      for (const [key, value] of Object.entries({ x: 0, y: height, width: box.width, height: box.height })) copy.setAttribute(key, value);
      whole.append(copy);
    }
    width = Math.max(width, box.width);
    height += box.height + 10;
  }
  const ground = document.createElementNS(space, 'rect');
  const behind = getComputedStyle(document.body).getPropertyValue('--jp-layout-color1').trim() || '#fff';
  for (const [key, value] of Object.entries({ width, height, fill: behind })) ground.setAttribute(key, value);
  for (const [key, value] of Object.entries({ width, height })) whole.setAttribute(key, value);
  whole.prepend(ground);
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
