import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileQuery, isCompiled } from './compile.ts'

function problemOf(text: string): { problem: string; at: number } {
  const compiled = compileQuery(text)
  assert.ok(!isCompiled(compiled), text)
  return compiled
}

test('what Prometheus 2.42 does not have is refused by name and position', () => {
  for (const [text, name, at] of [
    ['1 + first_over_time(a[5m])', 'first_over_time', 5],
    ['1 + holt_winters(a[5m], 0.5, 0.5)', 'holt_winters', 5],
    ['limitk(3, a)', 'limitk', 1],
    ['a + histogram_sum(b)', 'histogram_sum', 5],
    ['rate(a[5m + 1m])', '5m + 1m', 8],
    ['a[300]', '300', 3],
    ['a offset 5', '5', 10],
    ['5m', '5m', 1],
    ['sum by ("quoted.name") (a)', 'quotes', 9],
    ['{"quoted.name"}', 'quotes', 2],
    ['rate(a[5m] anchored)', 'anchored', 6],
  ] as const) {
    const { problem, at: where } = problemOf(text)
    assert.ok(problem.includes(name), `${text}: ${problem}`)
    assert.equal(where, at, `${text}: ${problem}`)
  }
})

test('types are checked before anything is evaluated', () => {
  for (const [text, at] of [
    ['rate(a)', 6],
    ['sum(a[5m])', 5],
    ['a[5m] + 1', 1],
    ['abs(1)', 5],
    ['1 > 2', 1],
    ['1 and a', 1],
    ['a + bool b', 1],
    ['a + on(x) 1', 1],
    ['a and on(x) group_left b', 1],
    ['a * on(x) group_left(x) b', 1],
    ['"a" + 1', 1],
    ['-a[5m]', 2],
    ['rate(a[5m])[5m]', 12],
    ['(a) offset 5m', 5],
    ['a[5m] offset 1m offset 1m', 17],
    ['label_replace(a, "b-c", "", "d", "")', 18],
    ['label_replace(a, "b", "", "d", "(")', 32],
    ['a{b=~"("}', 6],
    ['a{b=~"(?=x)"}', 6],
    ['{b=~".*"}', 1],
    ['a{__name__="b"}', 1],
    ['topk(a, 3)', 9],
    ['clamp(a, 1)', 1],
    ['count_values("a b", a)', 14],
    ['"\\q"', 1],
  ] as const) {
    const { problem, at: where } = problemOf(text)
    assert.equal(where, at, `${text}: ${problem}`)
  }
})

test('a text that the grammar cannot read is refused where it stops', () => {
  assert.equal(problemOf('a > > b').at, 5)
  assert.equal(problemOf('sum(').at, 5)
  assert.equal(problemOf('').at, 1)
})

test('the type of a query is known', () => {
  for (const [text, type] of [
    ['1 + 2', 'scalar'],
    ['"a"', 'string'],
    ['a > 1', 'vector'],
    ['a[5m]', 'range'],
    ['(a)[5m:1m]', 'range'],
    ['scalar(a) + time()', 'scalar'],
    ['vector(1)', 'vector'],
  ] as const) {
    const compiled = compileQuery(text)
    assert.ok(isCompiled(compiled), text)
    assert.equal(compiled.type, type, text)
  }
})
