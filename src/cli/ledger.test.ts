import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { exampleEvidence } from '../ledger/evidence.fixture.ts'
import { openLedger } from '../ledger/ledger.ts'
import { ledgerFile } from '../ledger/storage.ts'
import { tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

/** A project whose ledger holds three records, and the command line in it. */
async function bench(t: TestContext, records = 3) {
  const { project, remove } = await tinyProject()
  t.after(remove)
  const ledger = openLedger(project.state, systemClock)
  const ids = ['recovery/database/time', 'behaviour/api/health', 'recovery/database/loss']
  const entries = ids
    .slice(0, records)
    .map((guarantee, n) =>
      ledger.append(exampleEvidence({ id: `e-${n}`, guarantee, system: n === 1 ? 'cars' : 'shop' })),
    )
  ledger.close()
  const run = (...argv: string[]) => commandLine(project.root, 'ledger', ...argv)
  return { project, entries, run }
}

test('list shows the evidence, oldest first', async (t) => {
  const { run } = await bench(t)
  const { code, out } = await run('list')
  assert.equal(code, 0)
  const lines = out.trim().split('\n')
  assert.match(lines[0] ?? '', /^RECORD +WRITTEN +SYSTEM +GUARANTEE +VERDICT +MEASURED$/)
  assert.match(lines[1] ?? '', /^1 .* shop +recovery\/database\/time +proven +1\.2/)
  assert.equal(lines.length, 4)
})

test('list --json prints the entries and nothing else', async (t) => {
  const { run, entries } = await bench(t)
  assert.deepEqual(JSON.parse((await run('list', '--json')).out), entries)
  assert.deepEqual(JSON.parse((await run('list', 'shop', '--only', 'recovery', '--last', '1', '--json')).out), [
    entries[2],
  ])
  assert.deepEqual(JSON.parse((await run('list', 'tiny', '--json')).out), [])
})

test('an empty ledger says how evidence comes into it', async (t) => {
  const { run } = await bench(t, 0)
  assert.match((await run('list')).out, /aval prove/)
  assert.match((await run('verify')).out, /empty/)
  assert.equal((await run('verify', '--json')).out, '[]\n')
})

test('verify prints what to note, and takes it back as known', async (t) => {
  const { run } = await bench(t)
  const sound = await run('verify')
  assert.equal(sound.code, 0)
  const noted = /Last record: (\S+)/.exec(sound.out)?.[1] ?? ''
  assert.match(noted, /^3:[0-9a-f]{64}$/)
  assert.equal((await run('verify', '--known', noted)).code, 0)
  const other = await run('verify', '--known', `3:${'0'.repeat(64)}`)
  assert.equal(other.code, 1)
  assert.match(other.out, /record 3 .* is not the one noted/)
})

test('verify names a record that was changed, with exit code 1, and list refuses the ledger', async (t) => {
  const { project, run } = await bench(t)
  const database = new DatabaseSync(ledgerFile(project.state))
  database.exec('DROP TRIGGER records_are_not_edited')
  database.exec(`UPDATE records SET body = replace(body, 'proven', 'refuted') WHERE sequence = 2`)
  database.close()
  const verified = await run('verify')
  assert.equal(verified.code, 1)
  assert.match(verified.out, /record 2 \(behaviour\/api\/health of cars, .*\) was edited/)
  const [problem, ...others] = JSON.parse((await run('verify', '--json')).out)
  assert.deepEqual(others, [])
  assert.deepEqual([problem.what, problem.sequence, problem.guarantee], ['edited', 2, 'behaviour/api/health'])
  const listed = await run('list')
  assert.equal(listed.code, 1)
  assert.match(listed.err, /LEDGER_DAMAGED: .* record 2/)
})

test('a wrong command line is exit code 2 and says what is right', async (t) => {
  const { run } = await bench(t)
  for (const argv of [
    ['list', '--last', '0'],
    ['list', '--last', 'many'],
    ['list', 'shop', '--all'],
    ['verify', '--known', 'yesterday'],
  ]) {
    const { code, err } = await run(...argv)
    assert.equal(code, 2, argv.join(' '))
    assert.match(err, /aval ledger (list|verify) --help/)
  }
})

test('every command shows an example and its exit codes', async (t) => {
  const { run } = await bench(t)
  for (const command of ['list', 'verify']) {
    const { out } = await run(command, '--help')
    assert.match(out, /Example/)
    assert.match(out, /Exit codes/)
  }
})
