// A browser drops characters that a field for numbers does not take, and ipywidgets moves a number outside the limits to the
// next limit. Say instead below the field what is not accepted, and keep the value.
window.labNumbers ||= (() => {
  const fields = new WeakMap(); // what is known of a field: the value to keep, the text typed since a character was refused
  const known = input => fields.get(input) ?? fields.set(input, { kept: input.value, length: input.value.length, typed: '' }).get(input);
  const isWhole = input => Number.isInteger(Number(input.step));
  const say = (input, text) => {
    const place = input.parentElement.querySelector('.lab-refused') ?? document.createElement('span');
    Object.assign(place, { className: 'lab-refused lab-error', role: 'alert' });
    input.parentElement.append(place);
    place.textContent = text;
  };
  const refuse = (input, text) => {
    const limits = Number(input.max) < 2 ** 31 - 1 ? `from ${input.min} to ${input.max}` : `of at least ${input.min}`;
    const number = input.closest('.lab-positive') ? 'a number above 0' : `a ${isWhole(input) ? 'whole ' : ''}number ${limits}`;
    const what = text ? `“${text}” is not accepted` : 'Not accepted';
    say(input, `${what}: expected ${number}${isWhole(input) ? '' : ', as 0.5'}. It stays ${known(input).kept}.`);
  };
  const isAccepted = (input, text) => {
    const number = Number(text), isInside = number >= Number(input.min) && number <= Number(input.max);
    return /\d/.test(text) && isInside && (number > 0 || !input.closest('.lab-positive')) && (Number.isInteger(number) || !isWhole(input));
  };
  const on = (name, action) => window.addEventListener(name, event => {
    if (event.target.matches?.('.lab-panel input[type="number"]')) action(event, event.target, known(event.target));
  }, true);
  on('focus', (event, input, field) => { Object.assign(field, { kept: input.value, length: input.value.length, typed: '' }); });
  on('keypress', (event, input, field) => {
    if (event.key.length > 1 || event.ctrlKey || event.metaKey) return;
    if (field.typed) field.typed += event.key;
    else if (!(isWhole(input) ? /[-+\d]/ : /[-+.e\d]/i).test(event.key)) field.typed = input.value + event.key;
    if (field.typed) refuse(input, field.typed);
  });
  on('paste', (event, input) => {
    const text = event.clipboardData.getData('text').trim();
    if (isAccepted(input, text)) return;
    event.preventDefault();
    refuse(input, text);
  });
  on('input', (event, input, field) => {
    if (field.typed && !event.inputType) input.value = field.kept; // an arrow has counted on from what was not accepted
    else if (input.value.length <= field.length) field.typed = ''; // the user corrects it
    field.length = input.value.length;
    if (!field.typed) say(input, '');
  });
  on('change', (event, input, field) => {
    const text = field.typed || input.value;
    field.typed = '';
    if (isAccepted(input, text)) {
      field.kept = input.value;
      return;
    }
    event.stopPropagation();
    refuse(input, text);
    input.value = field.kept;
    field.length = field.kept.length;
  });
  return true;
})();
