// What the page does for the panels: keys, tooltips and saved files. Each panel carries this code; the first one runs it.

// JupyterLab must not handle plain keys pressed on a panel: its X would cut the panel's cell, and its arrow keys would block those
// of a list. It still handles keys with Ctrl, Meta or Alt, and Shift-Enter, which runs the cell. End needs a fix: noUiSlider, the
// slider's library, moves to the maximum at creation instead of the current one.
function keepKeys(event) {
  const plain = !(event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === 'Enter'));
  if (!event.target.closest?.('.lab-panel')) return;
  event.target.toggleAttribute('data-lm-suppress-shortcuts', plain);
  const bar = event.key === 'End' && event.target.closest('.noUi-target');
  if (bar) { event.preventDefault(); event.stopPropagation(); bar.noUiSlider.set(event.target.ariaValueMax); }
}

// ipywidgets gives no tooltip to a list, a text field or a checkbox that has a label, and no name to the handle of a slider and
// to the buttons of Play. Screen readers read a title too. The animation in panels.css reports each control and cell that is shown.
// One class of a control has its tooltip; one of a text field, if its text is refused, the sentence to show below.
const coded = (control, name) => decodeURIComponent(RegExp(`${name}-(\\S+)`).exec(control.className)?.[1] ?? '');
const refuse = control => {
  const place = control.querySelector('.lab-refused') ?? document.createElement('span');
  Object.assign(place, { className: 'lab-refused lab-error', role: 'alert', textContent: coded(control, 'lab-refused') });
  if (!place.parentElement && place.textContent) control.append(place);
  control.querySelector('input').ariaInvalid = String(place.textContent !== '');
};
const watched = new WeakSet();
const describe = control => {
  const tip = coded(control, 'lab-tip');
  for (const part of control.querySelectorAll('label, input, select, textarea, .noUi-handle')) part.title = tip;
  for (const handle of control.querySelectorAll('.noUi-handle')) handle.ariaLabel = control.querySelector('label').textContent;
  for (const readout of control.querySelectorAll('.widget-readout')) readout.contentEditable = 'false'; // it takes any text
  if (control.matches('.widget-text:not(.widget-textarea)') && !watched.has(control)) {
    watched.add(control);
    new MutationObserver(() => refuse(control)).observe(control, { attributeFilter: ['class'] });
    refuse(control);
  }
  if (control.matches('.widget-play')) ['Play or pause', 'Stop', 'Repeat'].forEach((name, n) => { control.children[n].title = name; });
};
// Scroll a matrix sideways until its first marked cell is seen, beside the names of the rows, which do not move.
const reveal = cell => {
  const box = cell.closest('.lab-scroll, .lab-side > *'), { left, right } = cell.getBoundingClientRect();
  if (!box || cell !== box.querySelector('td.lab-marked')) return;
  const names = cell.parentElement.querySelector('th')?.offsetWidth ?? 0, edge = box.getBoundingClientRect();
  if (left < edge.left + names || right > edge.right) box.scrollLeft += (left + right - edge.left - names - edge.right) / 2;
};
const shown = part => (part.matches('td') ? reveal : describe)(part);

// Save the pictures or the tables of a button's panel as a file of this kind; the browser makes it, without the kernel.
function save(button, kind) {
  const panel = button.closest('.lab-panel');
  const name = [...panel.classList].find(found => /^lab-.+Panel$/.test(found))?.slice(4) ?? 'panel';
  const isShown = part => part.getBoundingClientRect().width > (part.matches('.lab-key') ? 0 : 40);
  const put = content => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(content);
    link.download = `${name}.${kind}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  const report = text => { button.parentElement.querySelector('span').textContent = text; };
  report('');
  if (kind === 'csv') {
    const seen = cell => cell.innerText.trim().replace('\u2212', '-') || /\S*$/.exec(cell.title)[0];
    const number = text => { // 4,786 and 80.53% as programs read them: 4786 and 0.8053
      const found = /^-?\d{1,3}(?:,?\d{3})*(\.\d+)?(%?)$/.exec(text), value = text.replace(/[,%]/g, '');
      return found?.[2] ? (value / 100).toFixed((found[1] ?? '.').length + 1) : found ? value : text;
    };
    const text = cell => number(seen(cell));
    const quoted = value => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
    const tables = [...panel.querySelectorAll('table')].filter(isShown);
    const lines = tables.map(table => [...table.rows].map(row => [...row.cells].map(cell => quoted(text(cell))).join()).join('\n'));
    return tables.length ? put(new Blob([`${lines.join('\n\n')}\n`], { type: 'text/csv' })) : report('There is no table yet.');
  }
  // a plot of bqplot is several layers in one box; other drawings are single; keys name the lines of the plots above them
  const parts = [...panel.querySelectorAll('.bqplot, svg:not(.bqplot svg), .lab-key')].filter(isShown);
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
    const title = part.ariaLabel;
    if (title) {
      write(title, 4, colour);
      height += 20;
    }
    const place = { y: height, width: box.width, height: box.height };
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
    URL.revokeObjectURL(image.src);
  };
  image.src = URL.createObjectURL(file);
}

function start() {
  window.addEventListener('keydown', keepKeys, true);
  window.addEventListener('animationstart', event => event.animationName === 'lab-shown' && shown(event.target), true);
  document.querySelectorAll('.lab-panel :is([class*="lab-tip-"], .widget-play, td.lab-marked)').forEach(shown); // shown before
  window.addEventListener('click', ({ target }) => {
    if (target.matches('.lab-save button')) save(target, target.dataset.kind);
    if (target.matches('.lab-code button')) {
      getSelection().selectAllChildren(target.nextElementSibling); // navigator.clipboard is for https and this machine only
      target.textContent = document.execCommand('copy') ? 'Copied' : 'Press Ctrl-C';
    }
  });
  return true;
}

// Send each number of the kernel back: what was typed before has been sent then. The first message says that the page is there.
function answer({ model }) {
  model.on('msg:custom', number => model.send(number));
  model.send(null);
}

export default { initialize: answer, render: () => { window.labPanels ||= start(); } };
