const TOKEN = 'PAGE_TOKEN';
const EVERY_MS = 2000;
const place = id => document.getElementById(id);

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

async function ask(path, body) {
  const reply = await fetch('ASKS' + path, {
    method: body ? 'POST' : 'GET',
    credentials: 'omit',
    headers: { Authorization: 'Bearer ' + TOKEN },
    body: body && JSON.stringify(body)
  });
  const said = await reply.json();
  if (!reply.ok) throw new Error(said.message);
  return said;
}

function watch(show, everyMs) {
  async function look() {
    try {
      const state = await ask('state');
      place('updated').textContent =
        'Updated ' + new Date().toLocaleTimeString();
      show(state);
    } catch (error) {
      place('problem').textContent =
        'The service does not answer: ' + error.message;
    }
  }
  look();
  setInterval(() => {
    if (!document.hidden) look();
  }, everyMs);
  return look;
}

const minutes = seconds =>
  seconds < 90 ? `${seconds.toFixed(1)} s` : `${(seconds / 60).toFixed(1)} min`;
const ago = seconds =>
  seconds < 5
    ? 'now'
    : seconds < 90
      ? `${Math.round(seconds)} s ago`
      : `${Math.round(seconds / 60)} min ago`;

function table(target, heads, rows, empty) {
  const where = place(target);
  if (!rows.length)
    return where.replaceChildren(element('div', 'empty', empty));
  const made = element('table');
  const head = element('tr');
  heads.forEach(([text, kind]) => {
    // A column of buttons has no name.
    const cell = element(text ? 'th' : 'td', kind, text);
    if (text) cell.scope = 'col';
    head.append(cell);
  });
  made.append(head);
  rows.forEach(cells => {
    const row = element('tr');
    cells.forEach((value, index) => {
      const cell = element('td', heads[index][1]);
      cell.append(value);
      row.append(cell);
    });
    made.append(row);
  });
  where.replaceChildren(made);
}
