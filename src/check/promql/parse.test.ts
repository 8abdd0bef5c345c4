import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isConditional, isQuery, parsePromql, type Query, selectorsOf } from './parse.ts'

function queryOf(text: string): Query {
  const query = parsePromql(text)
  assert.ok(isQuery(query), text)
  return query
}

test('selectors are read with their matchers', () => {
  const text =
    'sum by (a) (rate(http_total{status=~"5..", job!="x"}[5m])) / on() {__name__="other", "quoted"=\'v\'} > 0.05'
  assert.deepEqual(selectorsOf(queryOf(text)), [
    {
      metric: 'http_total',
      matchers: [
        { label: 'status', op: '=~', value: '5..' },
        { label: 'job', op: '!=', value: 'x' },
      ],
    },
    { metric: 'other', matchers: [{ label: 'quoted', op: '=', value: 'v' }] },
  ])
})

test('a selector by pattern has no name', () => {
  assert.equal(selectorsOf(queryOf('{__name__=~"http_.*"} > 1'))[0]?.metric, undefined)
})

test('quotes and escapes of a value are taken away, but not inside back quotes', () => {
  const values = selectorsOf(queryOf('a{b="x\\"y", c=`\\d+`} > 1')).flatMap(({ matchers }) =>
    matchers.map(({ value }) => value),
  )
  assert.deepEqual(values, ['x"y', '\\d+'])
})

test('what is not PromQL is told with where it goes wrong', () => {
  for (const text of ['', 'foo bar', 'sum(', 'a >', 'nosuch(x) > 2', 'errors > 5 %', 'SELECT 1']) {
    const read = parsePromql(text)
    assert.ok(!isQuery(read), text)
    assert.ok(read.problem.length > 10)
  }
  assert.deepEqual(parsePromql('foo bar'), {
    problem: 'The expression cannot be read from "bar" on (character 5).',
    at: 5,
  })
})

test('a condition compares, or asks for absence', () => {
  for (const text of [
    'a > 1',
    'sum(a) by (b) <= 3 and c == 0',
    'absent(up{job="x"})',
    '(a > 1) * 5',
    'absent_over_time(a[5m])',
  ]) {
    assert.equal(isConditional(queryOf(text)), true, text)
  }
  for (const text of ['a', 'rate(a[5m])', 'a / b', 'a > bool 1', 'vector(1)']) {
    assert.equal(isConditional(queryOf(text)), false, text)
  }
})
