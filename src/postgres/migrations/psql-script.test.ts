import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { AvalError } from '../../errors.ts'
import { readPsqlScript } from './psql-script.ts'
import { statementsOf } from './statement.ts'

const file = '/x/1_dump.sql'
const rowsOf = async (sql: string) => (await statementsOf(sql, file)).map(({ text, line, rows }) => [line, text, rows])

describe('what psql would run', () => {
  test('rows that follow a COPY belong to it, and what comes after keeps its place', async () => {
    const sql = `\\restrict k
CREATE TABLE t (a int, b text);
COPY public.t (a, b) FROM stdin WITH (FORMAT text);
1\tit's; "not' SQL \\\\ $$
2\t\\N
\\.

  SELECT 1;
COPY t FROM STDIN;
\\.
\\unrestrict k
SELECT 2`
    assert.deepEqual(await rowsOf(sql), [
      [2, 'CREATE TABLE t (a int, b text)', undefined],
      [3, 'COPY public.t (a, b) FROM stdin WITH (FORMAT text)', "1\tit's; \"not' SQL \\\\ $$\n2\t\\N\n"],
      [8, 'SELECT 1', undefined],
      [9, 'COPY t FROM STDIN', ''],
      [12, 'SELECT 2', undefined],
    ])
  })

  test('a backslash or a COPY within a literal, a comment or a body is none', async () => {
    const sql = `SELECT '\\d', E'\\';copy t from stdin;', "\\x", $a$ \\. COPY t FROM stdin; $a$; -- \\i file
/* \\copy /* nested */ COPY t FROM stdin; */ SELECT 'COPY t FROM stdin;';
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $body$ BEGIN RAISE NOTICE '\\o'; END $body$;
DO $$ BEGIN PERFORM 1; END $$;`
    const statements = await statementsOf(sql, file)
    assert.deepEqual(
      statements.map(({ line, rows }) => [line, rows]),
      [
        [1, undefined],
        [2, undefined],
        [3, undefined],
        [4, undefined],
      ],
    )
    assert.equal(readPsqlScript(sql, file).sql, sql)
  })

  test('a command that would do something is refused by its name and place', () => {
    for (const [text, name] of [
      ['SELECT 1;\n  \\i other.sql', '\\i'],
      ['SELECT 1;\n  \\copy t from /tmp/x', '\\copy'],
      ['SELECT 1;\n  \\connect other', '\\connect'],
      ["SELECT\n  'a' \\gexec", '\\gexec'],
    ] as const) {
      assert.throws(
        () => readPsqlScript(text, file),
        (error) =>
          error instanceof AvalError &&
          error.code === 'MIGRATION_PSQL_COMMAND' &&
          error.exit === 2 &&
          error.where?.line === 2 &&
          error.message.includes(`${name} is`),
      )
    }
  })

  test('rows of any text come back as they were, and never become SQL', async () => {
    const cell = fc
      .string({ unit: 'grapheme', maxLength: 12 })
      .map((text) => text.replace(/[\0\r\n\t]/g, '').replaceAll('\\', '\\\\'))
    await fc.assert(
      fc.asyncProperty(fc.array(cell, { maxLength: 8 }), async (cells) => {
        const rows = cells.map((each) => `${each}\n`).join('')
        const found = await rowsOf(`COPY t FROM stdin;\n${rows}\\.\nSELECT 1;`)
        assert.deepEqual(found, [
          [1, 'COPY t FROM stdin', rows],
          [cells.length + 3, 'SELECT 1', undefined],
        ])
      }),
      { numRuns: 60 },
    )
  })

  test('a file of 5 MB is read in one go', async () => {
    const line = "INSERT INTO t (a, b) VALUES (1, 'it''s \"quoted\" and $1');\n"
    const sql = `\\set x 1\n${line.repeat(Math.ceil(5_000_000 / line.length))}`
    const statements = await statementsOf(sql, file)
    assert.equal(statements.length, Math.ceil(5_000_000 / line.length))
    assert.equal(statements.at(-1)?.line, statements.length + 1)
  })
})
