import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { expectedAnswers } from '../../../client/catalog/queries.fixture.ts'
import { startSystem, type TestSystem } from '../../../test/system.ts'
import { searchAnswer } from './wire.ts'

let system: TestSystem
let authorization: string
before(async () => {
  system = await startSystem()
  authorization = `Bearer ${await system.token(randomUUID())}`
})
after(() => system?.stop())

const ask = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${system.api}${path}`, { headers: { authorization, ...headers } })
const search = async (typed: string, rest = '') => {
  const response = await ask(`/catalog/search?q=${encodeURIComponent(typed)}${rest}`)
  assert.equal(response.status, 200)
  return searchAnswer.parse(await response.json())
}

test('what people type finds what they mean', async () => {
  const wrong: string[] = []
  for (const { typed, language, first, strength } of expectedAnswers) {
    const { results } = await search(typed, `&lang=${language}`)
    const [best] = results
    if (best?.name !== first)
      wrong.push(
        `${typed}: ${results
          .slice(0, 3)
          .map(({ name, matched }) => `${name} (${matched})`)
          .join(', ')}`,
      )
    else if (strength !== undefined && best.strengths[0] !== strength) wrong.push(`${typed}: ${best.strengths[0]}`)
  }
  assert.deepEqual(wrong, [])
})
