import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { checkExample, documented, readRulePage, rulesFolder } from '../scripts/rule-page.ts'

test('every rule has a page, and every page a rule', () => {
  const pages = readdirSync(rulesFolder).filter((name) => name !== 'README.md')
  assert.deepEqual(pages.sort(), documented.map(({ id }) => `${id}.md`).sort())
  assert.ok(documented.length > 20)
  assert.equal(new Set(documented.map(({ id }) => id)).size, documented.length)
})

for (const { id, severity } of documented) {
  test(`the failing example of ${id} has that problem and no other, and prints what its page shows`, async () => {
    const page = readRulePage(id)
    const { problems, printed } = await checkExample(page.fails, id)
    assert.deepEqual(
      problems.map(({ rule, severity: grave }) => ({ rule, grave })),
      [{ rule: id, grave: severity }],
      printed,
    )
    assert.ok(
      problems.every(({ where }) => (where.line ?? 0) > 0 && (where.column ?? 0) > 0),
      'it has a place',
    )
    assert.ok(
      problems.every(({ fix }) => fix.length > 10),
      'it has a fix',
    )
    assert.equal(printed, page.prints)
  })

  test(`the passing example of ${id} has no problem`, async () => {
    const { printed } = await checkExample(readRulePage(id).passes, id)
    assert.equal(printed, '')
  })
}
