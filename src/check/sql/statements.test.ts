import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { loadModule } from 'libpg-query'
import { notReadOnly, readSql } from './statements.ts'

before(() => loadModule())

function why(sql: string): string | undefined {
  const reading = readSql(sql)
  assert.ok(!('problem' in reading), `${sql}: ${JSON.stringify(reading)}`)
  return notReadOnly(reading)
}

test('a query that only reads is taken', () => {
  for (const sql of [
    'SELECT 1',
    'select id from orders where not paid;',
    'WITH late AS (SELECT id FROM orders) SELECT count(*) FROM late',
    'SELECT 1 UNION ALL SELECT 2',
    'VALUES (1), (2)',
    "SELECT 'INSERT INTO orders' AS text",
    'TABLE orders',
  ]) {
    assert.equal(why(sql), undefined, sql)
  }
})

test('what changes anything is not', () => {
  const cases: [string, RegExp][] = [
    ['DELETE FROM orders', /not a query \(Delete\)/],
    ['TRUNCATE orders', /not a query/],
    ['WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone', /DELETE/],
    ['SELECT * INTO copies FROM orders', /SELECT INTO/],
    ['SELECT * FROM orders FOR UPDATE', /FOR UPDATE/],
    ["SELECT nextval('orders_id_seq')", /nextval/],
    ["SELECT pg_catalog.set_config('role', 'postgres', false)", /set_config/],
    ['SELECT 1 WHERE EXISTS (SELECT setval(1::regclass, 2))', /setval/],
    ['SELECT 1; SELECT 2', /2 statements/],
    ['-- nothing', /no statement/],
    ['EXPLAIN SELECT 1', /not a query/],
    ["COPY orders TO PROGRAM 'sh'", /not a query/],
  ]
  for (const [sql, reason] of cases) assert.match(why(sql) ?? 'taken', reason, sql)
})

test("what Postgres cannot parse is told in Postgres's words", () => {
  assert.deepEqual(readSql('SELEC 1'), { problem: 'syntax error at or near "SELEC"' })
})
