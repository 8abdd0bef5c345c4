import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

suite('aval prove, of a system that nothing can drive', () => {
  let tiny: TinyProject
  const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)
  before(async () => {
    const recovery = { backups: { daily: { schedule: '0 2 * * *', keep: '30d' } } }
    tiny = await tinyProject({ promises: { kept: { claim: 'An item is kept' } } }, { recovery })
  })
  after(() => tiny.remove())

  test('judges nothing, says why, and keeps that as evidence', async () => {
    const { code, out } = await aval('prove', 'tiny')
    assert.equal(code, 3)
    assert.match(out, /inconclusive behaviour\/keeper\/kept\n.*\n {2}The plan names no exercise/)
    assert.match(out, / 0 refuted, .* inconclusive, .*; [1-9]\d* carried out now/)
    assert.match(out, /\d+ take longer and wait for: aval prove tiny --thorough/)
  })

  test('is listed with what is proved every day, what takes longer and what nobody proves yet', async () => {
    const { out } = await aval('guarantees', 'tiny')
    assert.match(out, /PROVED BY/)
    assert.match(out, /prove --thorough/)
    assert.match(out, /no prover yet/)
    const listed: { id: string; prover: string }[] = JSON.parse((await aval('guarantees', 'tiny', '--json')).out)
    assert.equal(listed.find(({ id }) => id === 'behaviour/keeper/kept')?.prover, 'daily')
    assert.ok(listed.some(({ prover }) => prover === 'thorough') && listed.some(({ prover }) => prover === 'none'))
  })

  test('says it once: a second run adds nothing to the ledger, and is no greener', async () => {
    const before = JSON.parse((await aval('ledger', 'list', '--json')).out)
    const { code, out } = await aval('prove', 'tiny')
    assert.equal(code, 3)
    assert.match(out, /; 0 carried out now/)
    assert.deepEqual(JSON.parse((await aval('ledger', 'list', '--json')).out), before)
  })
})
