// ipywidgets gives no tooltip to a list, a text field or a checkbox that has a label, and no name to the handle of a slider and
// to the buttons of Play. Screen readers read a title too. The animation in panels.css reports each control and cell that is shown.
// One class of a control has its tooltip; one of a text field, if its text is refused, the sentence to show below.
window.labTooltips ||= (() => {
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
  window.addEventListener('animationstart', event => event.animationName === 'lab-shown' && shown(event.target), true);
  document.querySelectorAll('.lab-panel :is([class*="lab-tip-"], .widget-play, td.lab-marked)').forEach(shown); // shown before this script ran
  return true;
})();
