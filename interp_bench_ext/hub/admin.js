let sure = '';
function stopButton(label, what) {
  const key = JSON.stringify(what);
  const button = element(
    'button',
    sure === key ? 'sure' : '',
    sure === key ? 'Really?' : label
  );
  button.setAttribute('aria-label', label + ' ' + Object.values(what)[0]);
  button.addEventListener('click', async () => {
    if (sure !== key) {
      sure = key;
      setTimeout(() => {
        if (sure === key) {
          sure = '';
          draw();
        }
      }, 4000);
      return draw();
    }
    sure = '';
    try {
      await ask('stop', what);
      place('problem').textContent = '';
    } catch (error) {
      place('problem').textContent = error.message;
    }
    await look();
  });
  return button;
}

function organismCard(one) {
  const card = element('article', 'card organism');
  const top = element('div', 'row');
  const loaded = one.state !== 'not loaded';
  top.append(
    element('span', 'name', one.handle),
    element('span', 'chip ' + one.state, one.state)
  );
  if (loaded) {
    const button = stopButton('Stop', { organism: one.handle });
    button.classList.add('push');
    top.append(button);
  }
  const facts = [
    `${one.tickets || 'no'} ${one.tickets === 1 ? 'ticket' : 'tickets'}`,
    one.running ? `${one.running} running` : '',
    one.waiting ? `${one.waiting} waiting` : ''
  ];
  card.append(top, element('p', 'soft', one.stage || one.description));
  card.append(
    element(
      'div',
      'soft',
      [...facts, one.device, one.veil].filter(Boolean).join(' · ')
    )
  );
  return card;
}

function quota(user) {
  const box = element('span');
  const worst = user.quotas.reduce(
    (a, b) => (!a || b.used / b.limit > a.used / a.limit ? b : a),
    null
  );
  if (!worst) return element('span', 'soft', 'no limit');
  const share = Math.min(1, worst.used / worst.limit);
  const bar = element('span', 'bar' + (share >= 1 ? ' full' : ''));
  const fill = element('i');
  fill.style.width = `${100 * share}%`;
  bar.append(fill);
  const used =
    worst.what === 'minutes of work' ? worst.used.toFixed(1) : worst.used;
  box.append(
    bar,
    `${used} of ${worst.limit} ${worst.what} in ${worst.hours} h`
  );
  return box;
}

function drawSpending() {
  place('spending-part').hidden = !state.spending;
  if (!state.spending) return;
  const { lines, problem } = state.spending;
  const scopes = [...new Set(lines.map(line => line.scope))];
  const of = (scope, hours) =>
    lines.find(line => line.scope === scope && line.hours === hours);
  const rows = scopes
    .map(scope => [of(scope, 24), of(scope, 720)])
    .map(([day, month]) => [
      month.scope.replace(/^user:/, '').replace(/^group:/, 'group '),
      day.requests,
      day.tokens.toLocaleString('en'),
      `$${day.usd.toFixed(2)}`,
      `$${month.usd.toFixed(2)}`
    ]);
  table(
    'spending',
    [
      ['Who', ''],
      ['Requests in 24 h', 'number'],
      ['Tokens in 24 h', 'number'],
      ['24 h', 'number'],
      ['30 days', 'number']
    ],
    rows,
    problem || 'Nobody has used a model.'
  );
}

let state = null;
function draw() {
  if (!state) return;
  const focused = document.activeElement?.getAttribute('aria-label');
  const sum = key =>
    state.organisms.reduce((total, one) => total + one[key], 0);
  const figures = [
    [
      'loaded',
      state.organisms.filter(one => one.state !== 'not loaded').length
    ],
    ['calls running', sum('running')],
    ['calls waiting', sum('waiting')],
    ['tickets', state.tickets.length],
    [
      `work in ${state.hours} h`,
      minutes(state.users.reduce((total, one) => total + one.busy_s, 0))
    ]
  ].map(([what, value]) => {
    const card = element('div', 'card figure');
    card.append(element('b', '', value), element('span', 'soft', what));
    return card;
  });
  place('figures').replaceChildren(...figures);
  place('memory').textContent =
    `${(state.memory.used / 1e9).toFixed(1)} of ${(state.memory.total / 1e9).toFixed(1)} GB of memory in use`;
  place('organisms').replaceChildren(...state.organisms.map(organismCard));
  table(
    'queue',
    [
      ['Person', ''],
      ['Organism', ''],
      ['Running', 'number'],
      ['Waiting', 'number']
    ],
    state.queue.map(one => [one.user, one.organism, one.running, one.waiting]),
    'Nobody waits.'
  );
  place('users-title').textContent = `People, in the last ${state.hours} hours`;
  table(
    'users',
    [
      ['Person', ''],
      ['Groups', ''],
      ['Calls', 'number'],
      ['Samples', 'number'],
      ['Work', 'number'],
      ['Nearest limit', ''],
      ['', 'number']
    ],
    state.users.map(one => [
      one.name,
      one.groups.join(', ') || '–',
      one.calls,
      one.samples,
      minutes(one.busy_s),
      quota(one),
      state.tickets.some(ticket => ticket.user === one.name)
        ? stopButton('Stop all', { user: one.name })
        : ''
    ]),
    'Nobody has used an organism.'
  );
  drawSpending();
  table(
    'tickets',
    [
      ['Person', ''],
      ['Organism', ''],
      ['For', ''],
      ['Work', 'number'],
      ['Samples', 'number'],
      ['Heard of', ''],
      ['', 'number']
    ],
    state.tickets.map(one => [
      one.user,
      one.organism,
      one.caller === 'notebook' ? 'a notebook' : `run ${one.caller}`,
      minutes(one.busy_s),
      one.samples,
      one.calls ? 'calling' : ago(one.silent_s),
      stopButton('End', { ticket: one.id })
    ]),
    'Nobody holds a ticket.'
  );
  if (focused)
    [...document.querySelectorAll('button')]
      .find(one => one.getAttribute('aria-label') === focused)
      ?.focus();
}

const look = watch(found => {
  state = found;
  draw();
}, EVERY_MS);
