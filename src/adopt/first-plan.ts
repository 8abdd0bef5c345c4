import { relative } from 'node:path'
import { extensionNeeds } from './extensions.ts'
import type { Section } from './questions.ts'
import type { Surroundings } from './read-repository.ts'
import { type SchemaTraits, tenantColumns } from './read-schema.ts'
import type { Taken } from './take-migrations.ts'

/** What a first plan is made of. */
export interface Findings {
  /** Name of the system. */
  name: string
  /** Folder of the plan, relative to the root. */
  folder: string
  migrations: Taken
  schema: SchemaTraits
  surroundings: Surroundings
}

/** The text of a plan as far as a repository tells it, with a question at each thing that it does not. */
export function firstPlan(findings: Findings): string {
  const { name, surroundings } = findings
  const body = [
    ...member('system', text(name)),
    ...member('exercise', text('aval:rows'), [
      'Clients that write rows of their own by SQL, so that backups and restores are measured under load.',
      'Question: what do the clients of this system do? docs/exercise.md shows how an exercise drives its services.',
    ]),
    '',
    ...services(surroundings),
    ...database(findings),
    '',
    ...recovery(surroundings),
  ]
  return [
    `// The first plan of ${comment(name)}, made by \`aval init\` from what stands in this repository.`,
    '//',
    '// This file is code: every command of Aval about this system executes it, in a process that may read files and nothing more.',
    '// Read it before you run one that somebody else wrote.',
    '//',
    '// A line that begins with "Question" marks what could not be known. Answer it, and take the line out.',
    '',
    "import { definePlan } from 'aval'",
    '',
    'export default definePlan({',
    ...body.map((line) => (line === '' ? '' : `  ${line}`)),
    '})',
    '',
  ].join('\n')
}

function services({ services: found, composeFile, scripts }: Surroundings): Section {
  if (found.length === 0 && scripts.length === 0) return []
  const entries = found.map(
    ({ name, runs, usesDatabase }) =>
      `${key(name)}: { provider: ${text(`Compose: ${runs}`)}${usesDatabase ? ", needs: ['database']" : ''} },`,
  )
  return [
    ...(composeFile === undefined ? [] : [`// Found in ${comment(composeFile)}.`]),
    "// Question: which of these may Aval start, and with which command? Give it `command: ['node', 'server.js']`, `ready: '/health'` and a `databaseRole`.",
    '// Nothing is started until then.',
    ...scripts.map(({ name, command }) => `//   package.json, ${comment(name)}: ${comment(command)}`),
    ...(entries.length === 0 ? ['services: {},'] : ['services: {', ...indented(entries), '},']),
    '',
  ]
}

function database(findings: Findings): Section {
  const { surroundings, schema } = findings
  const { postgres, databaseVariables, variablesFile } = surroundings
  const [variable, ...further] = databaseVariables
  const needs = extensionNeeds(schema.extensions)
  const owner = ownerOf(schema)
  return [
    'database: {',
    ...indented([
      ...member('version', text(`>=${postgres?.major ?? 15}`), [
        postgres === undefined
          ? 'Question: which major version of Postgres runs in production?'
          : `${comment(postgres.file)} says ${postgres.major}. Question: does production run it too?`,
      ]),
      ...member('size', text('1GB'), [
        'Question: how large are the data in production? What a drill measures is stated as a share of it.',
      ]),
      ...(variable === undefined
        ? [
            "// Question: where does production run? production: { external: 'DATABASE_URL' } names the variable that holds its URL.",
            "servers: { development: 'embedded' },",
          ]
        : [
            `// Found in ${comment(variablesFile ?? '')}${further.length === 0 ? '' : `, beside ${further.map(comment).join(', ')}`}. It is read only by a command that is told \`--env production\`.`,
            '// Question: is it the variable of production?',
            `servers: { development: 'embedded', production: { external: ${text(variable)} } },`,
          ]),
      ...(owner === undefined
        ? []
        : member('owner', text(owner), ['Runs the migrations, which name it as an owner; never a superuser.'])),
      ...(schema.supabase
        ? member('platform', text('supabase'), [
            'The migrations lean on Supabase: its roles, auth, storage and the privileges of new tables are stood in for.',
          ])
        : []),
      ...roles(schema, owner),
      ...extensions(needs),
      ...migrations(findings),
      ...rowSecurity(findings),
      '// Question: what is true of the data at any time? A query that returns the rows breaking it, for example:',
      "// invariants: { 'no-negative-totals': { claim: 'No total is negative', sql: 'SELECT id FROM orders WHERE total < 0' } },",
    ]),
    '},',
  ]
}

/** The role that a dump or Supabase takes for granted. */
function ownerOf({ owners, supabase }: SchemaTraits): string | undefined {
  if (supabase) return 'postgres'
  const [only, ...others] = owners
  return others.length === 0 ? only : owners.has('postgres') ? 'postgres' : only
}

/** Known to Supabase itself, or words of SQL that stand where a role may. */
const notDeclared = new Set([
  ...[
    'service_role',
    'authenticator',
    'dashboard_user',
    'supabase_admin',
    'supabase_auth_admin',
    'supabase_storage_admin',
  ],
  ...['postgres', 'pg_database_owner', 'pg_read_all_data', 'pg_write_all_data', 'pg_monitor'],
])

function roles({ rolesUsed, rolesMade, owners, supabase }: SchemaTraits, owner: string | undefined): Section {
  const made = [...rolesMade].filter(([, { guarded }]) => !guarded).map(([name]) => name)
  const wanted = new Set([...(supabase ? ['anon', 'authenticated'] : []), ...rolesUsed, ...owners, ...rolesMade.keys()])
  const declared = [...wanted].filter((name) => !made.includes(name) && name !== owner && !notDeclared.has(name))
  const purposes: Record<string, string> = {
    anon: 'Requests of nobody who has signed in',
    authenticated: 'Requests of people who have signed in',
  }
  return [
    ...(made.length === 0
      ? []
      : [
          `// The migrations make ${made.map(comment).join(', ')}. A role that Aval shall attack as must be named here, and they must bear that it is there.`,
        ]),
    ...(declared.length === 0
      ? ['// Question: as which roles do services connect? Without one, the owner of the schema stands for them.']
      : [
          '// Question: are these the roles that services connect as?',
          'roles: {',
          ...indented(
            declared.map((name) => `${key(name)}: { purpose: ${text(purposes[name] ?? 'Named by the migrations')} },`),
          ),
          '},',
        ]),
  ]
}

function extensions({ byAval, twice, standIns, missing }: ReturnType<typeof extensionNeeds>): Section {
  return [
    ...(byAval.length === 0
      ? []
      : member('extensions', list(byAval), ['Only a superuser makes these, so Aval does before the migrations.'])),
    ...(twice.length === 0
      ? []
      : [`// Write CREATE EXTENSION IF NOT EXISTS for ${twice.map(comment).join(', ')}: it is there already.`]),
    ...(standIns.length === 0
      ? []
      : member('standIns', list(standIns), [
          'Not offered by the embedded Postgres. Empty likenesses stand in: what they would do is not done.',
        ])),
    ...(missing.length === 0
      ? []
      : [
          `// Question: where are ${missing.map(comment).join(', ')} installed? The embedded Postgres has none of them, so that no proof can begin:`,
          "// install them beside a Postgres of this machine, and write servers: { development: 'installed' }.",
        ]),
  ]
}

function migrations({ migrations: taken, folder }: Findings): Section {
  const { layout, directory, disorder, leftOut, broken, others } = taken
  return [
    ...(disorder === undefined
      ? []
      : [`// ${comment(disorder)}`, '// Question: is the order of their names the order in which they were applied?']),
    ...broken.map(({ migration, problem }) => `// ${comment(migration.name)}:${comment(problem)}`),
    ...(others.length === 0
      ? []
      : [
          `// Question: what are ${others
            .slice(0, 5)
            .map((each) => comment(each.directory))
            .join(
              ', ',
            )}? They look like migrations as well; aval init <name> --migrations <folder> makes a plan of one.`,
        ]),
    'migrations: {',
    ...indented([
      `layout: ${text(layout)},`,
      `directory: ${text(relative(folder, directory))},`,
      ...(leftOut.size === 0
        ? []
        : [
            '// Question: does anybody apply these by hand? Then take them out here.',
            'leftOut: {',
            ...indented([...leftOut].map(([id, why]) => `${key(id)}: ${text(why)},`)),
            '},',
          ]),
      '// Question: how long may a migration keep people waiting?',
      "longestBlock: '5s',",
    ]),
    '},',
  ]
}

function rowSecurity({ schema }: Findings): Section {
  const [tenant, ...others] = tenantColumns(schema)
  if (tenant === undefined)
    return [
      '// Question: may every client see every row? If not, name the column that says whose a row is:',
      "// rowSecurity: { tables: 'all', tenant: 'customer_id' },",
    ]
  const open = [...schema.tables.keys()].filter((name) => !schema.guarded.has(name))
  const known =
    schema.guarded.size === 0
      ? 'No migration switches row security on. If services alone tell tenants apart, take this out: the database then keeps nobody from anything.'
      : `Row security is on for ${schema.guarded.size} of ${schema.tables.size} tables${open.length === 0 ? '' : `; not for ${open.slice(0, 8).map(comment).join(', ')}`}.`
  return [
    `// Question: is ${comment(tenant)} what says whose a row is?${others.length === 0 ? '' : ` Others would be ${others.slice(0, 4).map(comment).join(', ')}.`}`,
    `// ${known}`,
    '// A table that all may share is named in `except`, a leak that harms nobody in `accepted`, each with the reason.',
    `rowSecurity: { tables: 'all', tenant: ${text(tenant)} },`,
  ]
}

function recovery({ workflows }: Surroundings): Section {
  const about = workflows.filter((each) => each.about.length > 0)
  return [
    ...about.map((each) => `// ${comment(each.file)} ${each.about.join(', ')}.`),
    'recovery: {',
    ...indented([
      '// Question: how long may the system be away, and how much of what was acknowledged may be lost?',
      "objectives: { database: { rto: '4h', rpo: '1h' } },",
      '// Question: when is a backup taken today, where does it lie, and for how long? Proofs take their own.',
      'backups: {',
      ...indented([
        "daily: { schedule: '0 3 * * *', keep: '30d' },",
        "log: { type: 'wal', on: 'continuous', keep: '30d' },",
      ]),
      '},',
      "pointInTime: { window: '7d' },",
    ]),
    '},',
  ]
}

function member(name: string, value: string, comments: readonly string[] = []): Section {
  return [...comments.map((line) => `// ${line}`), `${name}: ${value},`]
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => (line === '' ? '' : `  ${line}`))
}

function list(names: readonly string[]): string {
  return `[${names.map(text).join(', ')}]`
}

function key(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : text(name)
}

/** A literal. What stands in a repository is data, and must not become code of the plan. */
function text(value: string): string {
  return `'${lineOf(value).replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function comment(value: string): string {
  return lineOf(value)
}

/** On one line, whatever ends one in JavaScript or moves the cursor of a terminal. */
function lineOf(value: string): string {
  return value.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ')
}
