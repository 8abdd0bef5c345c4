import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { AvalError } from '../../errors.ts'
import { type Manner, statementsOf } from './statement.ts'
import { stepsOf } from './step.ts'

const split = (sql: string) => statementsOf(sql, '/x/1_a.sql')

describe('splitting a file', () => {
  test('follows Postgres through strings, dollar quotes, comments and functions', async () => {
    const sql = `-- a comment; with a semicolon
CREATE TABLE t (a text DEFAULT 'é;😀'); /* ; */

CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $body$ BEGIN RETURN 1; END; $body$;
--> statement-breakpoint
  SELECT $$;$$ -- the end`
    const statements = await split(sql)
    assert.deepEqual(
      statements.map(({ index, line, column }) => [index, line, column]),
      [
        [0, 2, 1],
        [1, 4, 1],
        [2, 6, 3],
      ],
    )
    assert.equal(statements[0]?.text, "CREATE TABLE t (a text DEFAULT 'é;😀')")
  })

  test('gives back the statements that were joined, each at its place', async () => {
    const literal = fc
      .string({ unit: 'grapheme', maxLength: 20 })
      .map((text) => text.replaceAll('\0', '').replaceAll("'", "''"))
    await fc.assert(
      fc.asyncProperty(fc.array(literal, { minLength: 1, maxLength: 6 }), async (literals) => {
        const texts = literals.map((each) => `SELECT '${each}'`)
        const sql = texts.join(';\n  ')
        const statements = await split(sql)
        assert.deepEqual(
          statements.map(({ text }) => text),
          texts,
        )
        const lines = sql.split('\n')
        for (const { line, column } of statements) {
          assert.ok(
            [...(lines[line - 1] ?? '')]
              .slice(column - 1)
              .join('')
              .startsWith('SELECT'),
          )
        }
      }),
      { numRuns: 50 },
    )
  })

  test('finds nothing in an empty file or one of comments', async () => {
    for (const sql of ['', '\n\n', '-- nothing', ' ; ;']) assert.deepEqual(await split(sql), [])
  })

  test('names line and column of what is no SQL', async () => {
    await assert.rejects(split("SELECT 'ñ😀';\n  SELEC 2;"), (error) => {
      assert.ok(error instanceof AvalError)
      assert.equal(error.code, 'MIGRATION_SYNTAX')
      assert.deepEqual(error.where, { file: '/x/1_a.sql', line: 2, column: 3 })
      return true
    })
  })
})

describe('a file for another database', () => {
  const written: Record<string, string> = {
    MySQL: 'SELECT 1;\nCREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY);',
    SQLite: 'SELECT 1;\nCREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT);',
    'SQL Server': 'SELECT 1;\nCREATE TABLE t (id INT IDENTITY(1,1));',
    'MySQL or SQLite': 'SELECT 1;\nCREATE TABLE `t` (id INT);',
  }
  for (const [dialect, sql] of Object.entries(written)) {
    test(`is told to be for ${dialect}, at its place`, () =>
      assert.rejects(split(sql), (error) => {
        assert.ok(error instanceof AvalError)
        assert.deepEqual([error.code, error.exit, error.where?.line], ['MIGRATION_OTHER_DIALECT', 2, 2])
        assert.ok(error.message.includes(`for ${dialect} `), error.message)
        return true
      }))
  }

  test('is not told of what only speaks of one', () =>
    assert.rejects(split("-- `from` MySQL, ENGINE=InnoDB\nSELECT '`a`' FORM t;"), { code: 'MIGRATION_SYNTAX' }))
})

describe('how a statement may run', () => {
  const manners: Record<Manner, string[]> = {
    together: [
      'CREATE INDEX i ON t (a)',
      'DROP INDEX i',
      'REINDEX TABLE t',
      'ANALYZE t',
      'CLUSTER t USING i',
      "ALTER TYPE mood RENAME VALUE 'a' TO 'b'",
      'ALTER TABLE t DETACH PARTITION p',
      'SAVEPOINT s',
      'ROLLBACK TO s',
    ],
    'by itself': ["ALTER TYPE mood ADD VALUE 'calm'", "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'calm' BEFORE 'glad'"],
    outside: [
      'CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)',
      'DROP INDEX CONCURRENTLY i',
      'REINDEX INDEX CONCURRENTLY i',
      'REINDEX (CONCURRENTLY) TABLE t',
      'REINDEX SCHEMA s',
      'VACUUM t',
      'CLUSTER',
      'CREATE DATABASE d',
      'ALTER SYSTEM SET work_mem = 1',
      'ALTER TABLE t DETACH PARTITION p CONCURRENTLY',
      "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
    ],
    border: ['BEGIN', 'START TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'COMMIT', 'END'],
  }
  for (const [manner, texts] of Object.entries(manners)) {
    test(`${manner}: ${texts.join('; ')}`, async () => {
      for (const text of texts) assert.equal((await split(text))[0]?.manner, manner, text)
    })
  }

  test('what would undo the record of a migration is refused at its line', async () => {
    for (const text of ['ROLLBACK', 'ABORT', 'COMMIT AND CHAIN', "PREPARE TRANSACTION 'x'"]) {
      await assert.rejects(split(`SELECT 1;\n${text};`), (error) => {
        assert.ok(error instanceof AvalError)
        assert.equal(error.code, 'MIGRATION_TRANSACTION_CONTROL')
        assert.equal(error.where?.line, 2)
        return true
      })
    }
  })

  test('as many statements as may be together share a transaction; a resumed file begins after what is done', async () => {
    const statements = await split(
      "SELECT 1; SELECT 2; VACUUM t; SELECT 3; ALTER TYPE m ADD VALUE 'x'; BEGIN; SELECT 4; COMMIT; SELECT 5",
    )
    const shape = (from: number, outside: number[] = []) =>
      stepsOf(statements, from, new Set(outside)).map((step) => [
        step.manner === 'outside' ? 'outside' : step.statements.length,
        step.doneAfter,
      ])
    assert.deepEqual(shape(0), [
      [2, 2],
      ['outside', 3],
      [1, 4],
      [1, 5],
      [1, 7],
      [1, 9],
    ])
    assert.deepEqual(shape(5), [
      [1, 7],
      [1, 9],
    ])
    assert.deepEqual(shape(0, [0]).slice(0, 2), [
      ['outside', 1],
      [1, 2],
    ])
    assert.deepEqual(shape(9), [])
  })
})
