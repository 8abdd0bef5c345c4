import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { AvalError, type ErrorCode } from '../../errors.ts'
import type { Layout } from './migration.ts'
import { readMigrations } from './read.ts'

/** Reads a folder with these files. */
async function read(layout: Layout, files: Record<string, string>) {
  const directory = await mkdtemp(join(tmpdir(), 'aval-migrations-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, name)), { recursive: true })
      await writeFile(join(directory, name), text)
    }
    return await readMigrations(layout, directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

const code = (expected: ErrorCode, told: RegExp) => (error: unknown) =>
  error instanceof AvalError && error.code === expected && told.test(`${error.message} ${error.where?.file}`)

describe('Supabase', () => {
  test('orders by version and leaves alone what goes back or is no SQL', async () => {
    const migrations = await read('supabase', {
      '20260102000000_second.sql': 'SELECT 2',
      '20260101000000_first.sql': 'SELECT 1',
      '20260101000000_first.down.sql': 'SELECT -1',
      'README.md': '# words',
    })
    assert.deepEqual(
      migrations.map(({ id, name }) => [id, name]),
      [
        ['20260101000000', '20260101000000_first.sql'],
        ['20260102000000', '20260102000000_second.sql'],
      ],
    )
  })

  test('refuses a name without a version, and two files of one version', async () => {
    await assert.rejects(read('supabase', { 'init.sql': '' }), code('MIGRATION_MISNAMED', /init\.sql/))
    await assert.rejects(
      read('supabase', { '1_a.sql': '', '1_b.sql': '' }),
      code('MIGRATION_DUPLICATE', /1_a\.sql.*1_b\.sql/),
    )
  })
})

describe('plain files', () => {
  test('are ordered by their numbers, without what goes back', async () => {
    const migrations = await read('sql', {
      '10_ten.sql': 'SELECT 10',
      '2_two.sql': 'SELECT 2',
      '2_two.down.sql': 'SELECT -2',
      'V11__flyway.sql': 'SELECT 11',
      'U11__flyway.sql': 'SELECT -11',
      'R__views.sql': 'SELECT 99',
      'README.md': '# words',
    })
    assert.deepEqual(
      migrations.map(({ id }) => id),
      ['2_two', '10_ten', 'V11__flyway', 'R__views'],
    )
  })

  test('that hold both ways give the way there', async () => {
    const [dbmate, goose] = await read('sql', {
      '1.sql': '-- migrate:up\nSELECT 1;\n\n-- migrate:down\nSELECT -1;\n',
      '2.sql': '-- +goose Up\nSELECT 2;\n-- +goose Down\nSELECT -2;\n',
    })
    assert.deepEqual([dbmate?.sql.includes('-1'), goose?.sql.includes('-2')], [false, false])
  })

  test('are all read, however many', async () => {
    const names = Array.from({ length: 400 }, (_, index) => `${index + 1}_step.sql`)
    const migrations = await read('sql', Object.fromEntries(names.toReversed().map((name) => [name, 'SELECT 1'])))
    assert.deepEqual(
      migrations.map(({ name }) => name),
      names,
    )
  })
})

describe('Prisma', () => {
  const lock = 'provider = "postgresql"\n'

  test('orders by folder', async () => {
    const migrations = await read('prisma', {
      'migration_lock.toml': `# do not edit\n${lock}`,
      '20260102_b/migration.sql': 'SELECT 2',
      '20260101_a/migration.sql': 'SELECT 1',
    })
    assert.deepEqual(
      migrations.map(({ id, name }) => [id, name]),
      [
        ['20260101_a', '20260101_a/migration.sql'],
        ['20260102_b', '20260102_b/migration.sql'],
      ],
    )
  })

  test('refuses an empty folder, and a project of another database', async () => {
    await assert.rejects(read('prisma', { '1_a/notes.txt': '' }), code('MIGRATION_FILE_MISSING', /1_a\/migration\.sql/))
    await assert.rejects(
      read('prisma', { 'migration_lock.toml': 'provider = "mysql"' }),
      code('MIGRATION_LIST_INVALID', /mysql.*migration_lock\.toml/),
    )
  })
})

describe('Drizzle', () => {
  const journal = (...tags: string[]) =>
    JSON.stringify({
      version: '7',
      dialect: 'postgresql',
      entries: tags.map((tag, idx) => ({ idx, when: 1, tag, breakpoints: true })),
    })

  test('orders by its journal, and marks files the journal does not name', async () => {
    const migrations = await read('drizzle', {
      'meta/_journal.json': journal('0001_zebra', '0002_ape'),
      '0002_ape.sql': 'SELECT 2;--> statement-breakpoint\nSELECT 3;',
      '0001_zebra.sql': 'SELECT 1',
      '0003_forgotten.sql': 'SELECT 4',
    })
    assert.deepEqual(
      migrations.map(({ id, journaled }) => [id, journaled]),
      [
        ['0001_zebra', true],
        ['0002_ape', true],
        ['0003_forgotten', false],
      ],
    )
  })

  test('refuses a journal that is absent, damaged, of another database, or names a file that is gone', async () => {
    await assert.rejects(read('drizzle', { '0000_a.sql': '' }), code('MIGRATION_LIST_INVALID', /not there/))
    await assert.rejects(read('drizzle', { 'meta/_journal.json': '{' }), code('MIGRATION_LIST_INVALID', /not JSON/))
    await assert.rejects(read('drizzle', { 'meta/_journal.json': '{}' }), code('MIGRATION_LIST_INVALID', /shape/))
    await assert.rejects(
      read('drizzle', { 'meta/_journal.json': '{"dialect":"sqlite","entries":[]}' }),
      code('MIGRATION_LIST_INVALID', /sqlite/),
    )
    await assert.rejects(
      read('drizzle', { 'meta/_journal.json': journal('0000_a') }),
      code('MIGRATION_FILE_MISSING', /0000_a\.sql/),
    )
  })
})

test('line ends and a byte order mark do not change a checksum; a letter does', async () => {
  const [unix, windows, other] = await Promise.all(
    ['SELECT 1;\nSELECT 2;\n', '\uFEFFSELECT 1;\r\nSELECT 2;\r\n', 'SELECT 1;\nSELECT 3;\n'].map(
      async (sql) => (await read('supabase', { '1_a.sql': sql }))[0]?.checksum,
    ),
  )
  assert.equal(unix, windows)
  assert.notEqual(unix, other)
})

test('a folder that is not there is named', async () => {
  await assert.rejects(
    readMigrations('supabase', '/nowhere/at/all'),
    code('MIGRATIONS_NOT_FOUND', /\/nowhere\/at\/all/),
  )
})
