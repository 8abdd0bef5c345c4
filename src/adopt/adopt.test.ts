import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { checkSystem } from '../check/check-system.ts'
import { systemClock } from '../clock.ts'
import { AvalError, type ErrorCode } from '../errors.ts'
import { standIns } from '../plan/database.ts'
import type { Plan } from '../plan/plan.ts'
import { findBinaries } from '../postgres/binaries.ts'
import { prepareDatabase } from '../postgres/database.ts'
import { startServer } from '../postgres/launch.ts'
import { applyMigrations } from '../postgres/migrations/apply.ts'
import { systemMigrations } from '../postgres/migrations/read.ts'
import { reachable, removeReachable } from '../postgres/place.ts'
import type { OwnedServer } from '../postgres/server.ts'
import { prepareSupabase } from '../postgres/supabase-platform.ts'
import { findProject } from '../project/find-project.ts'
import { temporaryProject } from '../project/temporary-project.fixture.ts'
import { adopt, writePlan } from './adopt.ts'
import { drizzleRepository, prismaRepository, supabaseRepository } from './repositories.fixture.ts'

/** The plan of a repository, written, checked and loaded; its text, and the folder it lies in. */
async function adopted(
  files: Readonly<Record<string, string>>,
): Promise<AsyncDisposable & { root: string; text: string; plan: Plan; directory: string }> {
  const repository = await temporaryProject(files)
  const { root } = repository
  const adoption = await adopt(root, undefined, undefined)
  await writePlan(root, adoption)
  const { problems, plan } = await checkSystem(await findProject(root, root), adoption.findings.name)
  assert.deepEqual(problems, [])
  assert.ok(plan)
  const directory = join(root, adoption.findings.folder)
  return { root, text: adoption.text, plan, directory, [Symbol.asyncDispose]: () => repository[Symbol.asyncDispose]() }
}

const refusal = (code: ErrorCode, exit: number, told: RegExp) => (error: unknown) =>
  error instanceof AvalError && error.code === code && error.exit === exit && told.test(error.message)

describe('the three layouts', () => {
  let server: OwnedServer
  let place: string
  before(async () => {
    place = await reachable(join(await mkdtemp(join(tmpdir(), 'aval-adopt-')), 'data'))
    const binaries = await findBinaries('embedded', { minimum: 18 })
    server = await startServer({ dataDirectory: place, binaries, clock: systemClock, standIns })
  })
  after(async () => {
    await server.stop('immediate')
    await removeReachable(place)
  })

  /** Applies what the plan names, as its owner. @returns how many files */
  async function apply({ plan: { database, system }, directory }: { plan: Plan; directory: string }): Promise<number> {
    assert.ok(database)
    const prepared = await prepareDatabase(server, {
      name: system.replaceAll('-', '_'),
      owner: database.owner ?? `${system}_owner`,
      roles: Object.keys(database.roles),
      extensions: database.extensions,
      secret: randomBytes(32),
    })
    if (database.platform === 'supabase') {
      await prepareSupabase(prepared.adminUrl, prepared.owner)
      await prepareSupabase(prepared.adminUrl, prepared.owner)
    }
    const migrations = await systemMigrations(directory, database.migrations)
    return (await applyMigrations(prepared.ownerUrl, migrations)).length
  }

  test('Supabase: what it brings is stood in for, and the migrations apply by an owner who is no superuser', async () => {
    await using made = await adopted(supabaseRepository)
    const { database } = made.plan
    assert.deepEqual(
      [database?.version, database?.owner, database?.platform, Object.keys(database?.roles ?? {})],
      ['>=17', 'postgres', 'supabase', ['anon', 'authenticated']],
    )
    assert.deepEqual(database?.extensions, ['pg_stat_statements'])
    assert.deepEqual(database?.standIns.toSorted(), ['pg_cron', 'pg_net', 'supabase_vault'])
    assert.deepEqual(database?.rowSecurity?.tenant, 'user_id')
    assert.equal(await apply(made), 2)
  })

  test('Prisma: files with the line ends of another system, and an enum that grows', async () => {
    await using made = await adopted(prismaRepository)
    assert.deepEqual(made.plan.database?.migrations.layout, 'prisma')
    assert.deepEqual(made.plan.database?.rowSecurity?.tenant, 'organizationId')
    assert.match(made.text, /No migration switches row security on/)
    assert.equal(await apply(made), 2)
  })

  test('Drizzle in a monorepo: a file that the journal does not name is asked about and not applied', async () => {
    await using made = await adopted(drizzleRepository)
    const { database, services } = made.plan
    assert.deepEqual(database?.migrations.directory, '../../packages/db/drizzle')
    assert.deepEqual(Object.keys(database?.migrations.leftOut ?? {}), ['0002_by_hand'])
    assert.deepEqual(database?.servers['production'], { external: 'POSTGRES_URL' })
    assert.deepEqual(Object.keys(services), ['worker'])
    assert.match(made.text, /Question: does anybody apply these by hand/)
    assert.equal(await apply(made), 2)
  })
})

describe('what a repository may hold', () => {
  test('two migrations of one version are read by their names, and that is asked about', async () => {
    await using made = await adopted({
      'supabase/migrations/20260101_b.sql': 'CREATE TABLE b (id int PRIMARY KEY);',
      'supabase/migrations/20260101_a.sql': 'CREATE TABLE a (id int PRIMARY KEY);',
      'supabase/migrations/notes.sql': 'CREATE TABLE c (id int PRIMARY KEY);',
    })
    assert.equal(made.plan.database?.migrations.layout, 'sql')
    assert.deepEqual(Object.keys(made.plan.database?.migrations.leftOut ?? {}), ['notes'])
    assert.match(made.text, /Question: is the order of their names the order in which they were applied\?/)
  })

  test('a file that is no SQL is named with its line, and the rest is read all the same', async () => {
    await using made = await adopted({
      'db/1_a.sql': 'CREATE TABLE a (id int PRIMARY KEY, tenant_id int);',
      'db/2_b.sql': 'SELECT 1;\nCREATE TABEL b (id int);',
      'db/3_c.sql': 'CREATE TABLE c (id int PRIMARY KEY);',
    })
    assert.match(made.text, /2_b\.sql:2: This is not SQL that Postgres understands/)
    assert.equal(made.plan.database?.rowSecurity?.tenant, 'tenant_id')
  })

  test('whose a row is, is what the policies say, whatever it is called', async () => {
    const table = (
      name: string,
      column: string,
    ) => `CREATE TABLE ${name} (id int PRIMARY KEY, ${column} uuid, user_id uuid);
      ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY;`
    const own = (name: string, column: string) =>
      `CREATE POLICY own ON ${name} USING (${column} = current_setting('app.who')::uuid);`
    await using named = await adopted({
      'db/1.sql': `${table('a', 'firm')} ${own('a', 'firm')} ${table('b', 'firm')} ${own('b', 'firm')}`,
    })
    assert.equal(named.plan.database?.rowSecurity?.tenant, 'firm')
    await using mixed = await adopted({
      'db/1.sql': `${table('a', 'firm')} ${own('a', 'firm')} ${['b', 'c'].map((each) => table(each, 'firm') + own(each, 'user_id')).join(' ')}`,
    })
    assert.equal(mixed.plan.database?.rowSecurity?.tenant, 'user_id')
    assert.match(mixed.text, /Others would be firm/)
  })

  test('an extension that nothing can stand in for is named with what to do', async () => {
    await using made = await adopted({ 'migrations/1.sql': 'CREATE EXTENSION postgis;\nCREATE TABLE a (id int);' })
    assert.match(made.text, /Question: where are postgis installed\?/)
    assert.deepEqual(made.plan.database?.extensions, [])
  })

  test('what another database understands is said so, with exit code 2', async () => {
    const all: [Record<string, string>, ErrorCode, RegExp][] = [
      [{ 'db/1.sql': 'CREATE TABLE `a` (id INT AUTO_INCREMENT) ENGINE=InnoDB;' }, 'MIGRATION_OTHER_DIALECT', /MySQL/],
      [{ 'db/1.sql': 'CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT);' }, 'MIGRATION_OTHER_DIALECT', /SQLite/],
      [
        {
          'prisma/migrations/migration_lock.toml': 'provider = "mysql"\n',
          'prisma/migrations/20260101_a/migration.sql': 'CREATE TABLE `a` (id INT);',
        },
        'MIGRATION_LIST_INVALID',
        /is for mysql, not postgresql/,
      ],
      [
        { 'drizzle/meta/_journal.json': '{ "dialect": "sqlite", "entries": [] }' },
        'MIGRATION_LIST_INVALID',
        /is for sqlite, not postgresql/,
      ],
      [{ 'README.md': 'nothing here' }, 'INIT_NO_MIGRATIONS', /No migrations of Postgres were found/],
    ]
    for (const [files, code, told] of all) {
      await using repository = await temporaryProject(files)
      await assert.rejects(adopt(repository.root, undefined, undefined), refusal(code, 2, told))
    }
  })

  test('names and commands of a repository become no code of the plan', async () => {
    const evil = "x'\u2028process.exit(1)\n//` + process.exit(1) + '"
    await using made = await adopted({
      'package.json': JSON.stringify({ name: 'shop', scripts: { start: evil, [`migrate${evil}`]: 'x' } }),
      'compose.yaml': JSON.stringify({ services: { [evil]: { image: evil }, web: { image: evil } } }),
      'db/1.sql': `CREATE TABLE "a'\n process.exit(1) //" (user_id int); GRANT SELECT ON a TO "role'\n process.exit(1)";`,
    })
    assert.deepEqual(Object.keys(made.plan.database?.roles ?? {}), ["role'  process.exit(1)"])
  })

  test('a link that leads out of the repository is not written through', async () => {
    await using repository = await temporaryProject({ 'db/1.sql': 'CREATE TABLE a (id int);' })
    await using elsewhere = await temporaryProject({})
    await symlink(elsewhere.root, join(repository.root, 'systems'))
    await assert.rejects(
      adopt(repository.root, undefined, undefined),
      refusal('INIT_OUTSIDE', 2, /systems leads out of/),
    )
    await rm(join(repository.root, 'systems'))
    await mkdir(join(repository.root, 'systems'))
    assert.equal((await adopt(repository.root, 'My Shop', undefined)).findings.name, 'my-shop')
  })
})
