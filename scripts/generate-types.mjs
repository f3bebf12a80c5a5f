// Writes src/generated from the pydantic models and the list of what a chart may hold; with --check, exits 1 when what is there differs.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { compile } from 'json-schema-to-typescript';
import { format, resolveConfig } from 'prettier';

const folder = new URL('../src/generated/', import.meta.url);
const check = process.argv.includes('--check');

function dumpSchema() {
  const own = '.venv/bin/python';
  const python = process.env.PYTHON ?? (existsSync(own) ? own : 'python3');
  const dump = spawnSync(python, ['scripts/event_schema.py'], {
    encoding: 'utf8'
  });
  if (dump.status !== 0) {
    throw new Error(dump.stderr || `${python} could not be started`);
  }
  return dump.stdout;
}

async function typescript(schema, name, digest, imports = '') {
  const banner = `// Generated from schema.json by \`jlpm generate\`. sha256 ${digest}\n${imports}`;
  const code = await compile(schema, name, {
    additionalProperties: false,
    bannerComment: banner,
    format: false,
    unreachableDefinitions: true
  });
  return format(unfolded(code), {
    ...(await resolveConfig('package.json')),
    parser: 'typescript'
  });
}

// Without the compiler's notes on what refers to a definition, and without the type for the root of a list of models.
function unfolded(code) {
  return code
    .replace(
      /( \* ?\n)? \* This interface was referenced by .*\n \* via the `definition` .*\n/g,
      ''
    )
    .replace(/ \*\n \*\//g, ' */')
    .replace(/\/\*\*\n \*\/\n/g, '')
    .replace(/export interface Api \{\n.*\n\}\n/, '');
}

const text = dumpSchema();
const schema = JSON.parse(text);
const digest = createHash('sha256').update(text).digest('hex');
const chart = '../interp_bench_ext/output_filter/chart.schema.json';
const wanted = {
  'schema.json': text,
  'chart-schema.json': readFileSync(new URL(chart, import.meta.url), 'utf8'),
  'events.ts': await typescript(schema.events, 'Event', digest),
  'api.ts': await typescript(
    schema.api,
    'Api',
    digest,
    "import type { Event } from './events';\n"
  )
};

const stale = Object.entries(wanted).filter(([name, content]) => {
  const file = new URL(name, folder);
  return !existsSync(file) || readFileSync(file, 'utf8') !== content;
});
if (check && stale.length > 0) {
  const names = stale.map(([name]) => name).join(', ');
  console.error(
    `src/generated is out of date (${names}); run \`jlpm generate\``
  );
  process.exit(1);
}
for (const [name, content] of stale) {
  writeFileSync(new URL(name, folder), content);
  console.log(`wrote src/generated/${name}`);
}
