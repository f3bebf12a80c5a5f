const open = new Set();
let classes = null;
let form = null;

function outcome(row) {
  if (!row) return element('span', 'soft', '–');
  if (row.correct === undefined)
    return element(
      'span',
      'soft',
      `${row.calls} ${row.calls === 1 ? 'call' : 'calls'} so far`
    );
  const said = row.null
    ? row.correct
      ? 'no claim'
      : 'false claim'
    : row.correct
      ? 'named'
      : 'not named';
  const chip = element(
    'span',
    'chip ' + (row.correct ? 'ready' : 'wrong'),
    said
  );
  chip.title = row.verdict;
  return chip;
}

function handIn(row) {
  const box = element('div', 'hand-in');
  const facts = [
    row.agent === 'person' ? 'by hand' : row.agent,
    `${row.steps} steps`,
    `${row.minutes} min`,
    row.cost_usd ? `$${row.cost_usd.toFixed(2)}` : '',
    `${row.calls} calls`,
    `${row.samples} samples`,
    `handed in ${new Date(row.handed_in).toLocaleString()}`
  ];
  box.append(element('b', '', row.organism), ` · ${row.verdict}`);
  box.append(element('div', 'soft', facts.filter(Boolean).join(' · ')));
  if (row.findings) {
    const list = element('ol');
    row.findings
      .split(' | ')
      .forEach(claim => list.append(element('li', '', claim)));
    box.append(list);
  }
  if (row.summary) box.append(element('div', '', row.summary));
  if (row.gaps) box.append(element('div', 'gap', row.gaps));
  return box;
}

const share = ({ k, runs }) => (runs ? `${k} of ${runs}` : '–');

function studentRows(one, student) {
  const key = `${one.name}/${student.name}`;
  const row = element('tr');
  const button = element('button', 'name', student.name);
  button.setAttribute('aria-expanded', String(open.has(key)));
  button.addEventListener('click', () => {
    if (!open.delete(key)) open.add(key);
    draw();
  });
  const cells = one.organisms.map(organism =>
    outcome(student.rows.find(found => found.organism === organism.handle))
  );
  const known =
    student.informedness === null
      ? '–'
      : student.informedness.toFixed(2).replace('-', '−');
  [button, ...cells].forEach(value => {
    const cell = element('td');
    cell.append(value);
    row.append(cell);
  });
  [share(student.secrets), share(student.nulls), known].forEach(value =>
    row.append(element('td', 'number', value))
  );
  if (!open.has(key)) return [row];
  const more = element('tr');
  const cell = element('td', 'more');
  cell.colSpan = one.organisms.length + 4;
  const handed = student.rows.filter(found => found.correct !== undefined);
  cell.append(
    ...(handed.length
      ? handed.map(handIn)
      : [element('span', 'soft', 'Nothing handed in yet.')])
  );
  more.append(cell);
  return [row, more];
}

function download(one) {
  const button = element('button', 'plain push', 'Download CSV');
  button.setAttribute(
    'aria-label',
    `Download CSV of the scores of ${one.name}`
  );
  button.addEventListener('click', async () => {
    const reply = await fetch(`ASKS${one.name}.csv`, {
      credentials: 'omit',
      headers: { Authorization: 'Bearer ' + TOKEN }
    });
    const link = element('a');
    link.href = URL.createObjectURL(await reply.blob());
    link.download = `${one.name}.csv`;
    link.click();
  });
  return button;
}

const act = (path, body) =>
  ask(path, body).then(look, error => {
    place('problem').textContent = error.message;
  });

function withdraw(one) {
  const button = element('button', 'push', 'Withdraw');
  button.setAttribute('aria-label', `Withdraw ${one.name}`);
  button.title = 'Its students hand in no more; what they handed in is kept';
  button.addEventListener('click', () => act('withdraw', { name: one.name }));
  return button;
}

function field(label, control) {
  const made = element('label', '', label);
  made.append(control);
  return made;
}

function input(type, placeholder) {
  const made = element('input');
  made.type = type;
  if (placeholder) made.placeholder = placeholder;
  return made;
}

function publishForm({ students, organisms }) {
  const section = element('section', 'publish card');
  const name = input('text', 'interpretability-2027');
  const group = element('select');
  group.append(...students.map(one => element('option', '', one)));
  const boxes = organisms.map(handle =>
    Object.assign(input('checkbox'), { value: handle })
  );
  const chosen = element('fieldset');
  chosen.append(
    element('legend', '', 'Organisms'),
    ...boxes.map(box => {
      const made = element('label', 'box');
      made.append(box, box.value);
      return made;
    })
  );
  const [calls, minutes] = [input('number', 'any'), input('number', 'any')];
  const until = input('datetime-local');
  const shows = Object.assign(input('checkbox'), { checked: true });
  const shown = element('label', 'box');
  shown.append(shows, 'Students see their own score');
  const button = element('button', 'plain', 'Publish');
  button.addEventListener('click', () =>
    act('publish', {
      name: name.value.trim(),
      students: group.value,
      organisms: boxes.filter(box => box.checked).map(box => box.value),
      budget: {
        ...(calls.value && { calls: Number(calls.value) }),
        ...(minutes.value && { busy_minutes: Number(minutes.value) })
      },
      until: until.value ? new Date(until.value).toISOString() : null,
      shows_scores: shows.checked
    })
  );
  const first = element('div', 'fields');
  first.append(
    field('Name', name),
    field('Group of students', group),
    field('Calls each, for an organism', calls),
    field('Minutes of work each, for an organism', minutes),
    field('Until', until)
  );
  const last = element('div', 'row');
  last.append(shown, button);
  section.append(
    element('h2', '', 'Publish a class'),
    element(
      'p',
      'soft',
      'Its students are offered its organisms, within this budget. Publishing under a name of yours again changes that class.'
    ),
    first,
    chosen,
    last
  );
  return section;
}

function classCard(one) {
  const section = element('section', 'class');
  const limits = {
    calls: 'calls',
    samples: 'samples',
    tokens: 'tokens',
    busy_minutes: 'minutes of work'
  };
  const budget = Object.entries(one.budget)
    .map(([name, most]) => `${most} ${limits[name]}`)
    .join(', ');
  const facts = [
    one.for && `for ${one.for}`,
    budget && `${budget} for each organism`,
    one.until && `until ${new Date(one.until).toLocaleString()}`
  ];
  const top = element('div', 'row');
  top.append(
    element('h2', '', one.name),
    element('span', 'soft', facts.filter(Boolean).join(' · '))
  );
  if (one.published) top.append(withdraw(one));
  top.append(download(one));
  const card = element('div', 'card scroll');
  if (!one.students.length)
    card.append(
      element('div', 'empty', 'Nobody has asked an organism of this class yet.')
    );
  else {
    const made = element('table');
    const head = element('tr');
    const organisms = one.organisms.map(organism => [
      organism.handle + (organism.null ? ' (null)' : ''),
      ''
    ]);
    [
      ['Student', ''],
      ...organisms,
      ['Secrets named', 'number'],
      ['Claims on nulls', 'number'],
      ['Informedness', 'number']
    ].forEach(([text, kind]) => {
      const cell = element('th', kind, text);
      cell.scope = 'col';
      head.append(cell);
    });
    made.append(
      head,
      ...one.students.flatMap(student => studentRows(one, student))
    );
    card.append(made);
  }
  section.append(top, card);
  return section;
}

function draw() {
  if (!classes) return;
  const focused = document.activeElement?.textContent;
  place('classes').replaceChildren(...classes.map(classCard));
  if (focused)
    [...document.querySelectorAll('button')]
      .find(one => one.textContent === focused)
      ?.focus();
}

const look = watch(state => {
  classes = state.classes;
  if (state.publishing && !form)
    place('publish').append((form = publishForm(state.publishing)));
  place('problem').textContent = '';
  draw();
}, 5 * EVERY_MS);
