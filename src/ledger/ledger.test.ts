import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type Clock, systemClock } from '../clock.ts'
import { AvalError } from '../errors.ts'
import { runToEnd, startChild } from '../process.ts'
import { seededRandom } from '../random.ts'
import { exampleEvidence } from './evidence.fixture.ts'
import type { Evidence } from './evidence.ts'
import { headFile } from './head.ts'
import { privateKeyFile } from './key.ts'
import { openLedger } from './ledger.ts'
import { ledgerFile } from './storage.ts'
import { verifyLedger } from './verify.ts'

function stateFolder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'aval-ledger-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const noon: Clock = { ...systemClock, now: () => Date.parse('2026-01-02T12:00:00.000Z') }
const code = (expected: string) => (error: unknown) => error instanceof AvalError && error.code === expected

/** A program that appends evidence with ids `<label>-<n>` and prints each id once it is acknowledged. */
function writer(directory: string): string {
  const file = join(directory, 'writer.mjs')
  const url = (name: string) => JSON.stringify(pathToFileURL(join(import.meta.dirname, name)).href)
  writeFileSync(
    file,
    `import { openLedger } from ${url('ledger.ts')}
import { exampleEvidence } from ${url('evidence.fixture.ts')}
import { systemClock } from ${url('../clock.ts')}
const [directory, label, count] = process.argv.slice(2)
const ledger = openLedger(directory, systemClock)
for (let n = 0; n < Number(count); n++) {
  const id = label + '-' + n
  ledger.append(exampleEvidence({ id, guarantee: 'recovery/' + label + '/' + (n % 7) }))
  process.stdout.write(id + '\\n')
}
`,
  )
  return file
}

test('what was appended is read back by whoever opens the ledger next', (t) => {
  const directory = stateFolder(t)
  const ledger = openLedger(directory, noon)
  const entry = ledger.append(exampleEvidence({ id: 'first' }))
  ledger.close()
  assert.equal(entry.sequence, 1)
  assert.equal(entry.at, '2026-01-02T12:00:00.000Z')
  const again = openLedger(directory, noon)
  t.after(() => again.close())
  assert.deepEqual(again.all(), [entry])
  assert.deepEqual(again.all()[0]?.evidence, exampleEvidence({ id: 'first' }))
})

test('latest gives the last evidence of each guarantee of one system', (t) => {
  const ledger = openLedger(stateFolder(t), noon)
  t.after(() => ledger.close())
  ledger.append(exampleEvidence({ id: 'old', guarantee: 'a/b/c' }))
  ledger.append(exampleEvidence({ id: 'other', guarantee: 'a/b/d' }))
  ledger.append(exampleEvidence({ id: 'foreign', guarantee: 'a/b/c', system: 'cars' }))
  ledger.append(exampleEvidence({ id: 'new', guarantee: 'a/b/c', verdict: 'refuted' }))
  const latest = ledger.latest('shop')
  assert.deepEqual([...latest].map(([guarantee, { last }]) => [guarantee, last.id]).sort(), [
    ['a/b/c', 'new'],
    ['a/b/d', 'other'],
  ])
  assert.deepEqual(
    ledger.history('shop', 'a/b/c').map(({ evidence }) => evidence.id),
    ['old', 'new'],
  )
})

test('latest gives, beside a bounded run, what a full run found before it', (t) => {
  const fast = { environment: { effort: 'fast' } }
  const before = (...runs: Partial<Evidence>[]) => {
    const ledger = openLedger(stateFolder(t), noon)
    t.after(() => ledger.close())
    for (const [index, run] of runs.entries())
      ledger.append(exampleEvidence({ id: String(index), guarantee: 'a', ...run }))
    const latest = ledger.latest('shop').get('a')
    return [latest?.last.id, latest?.fuller?.id]
  }
  assert.deepEqual(before({}, {}, fast, fast), ['3', '1'])
  assert.deepEqual(before({}, fast, {}), ['2', undefined])
  assert.deepEqual(before(fast, fast), ['1', undefined])
  assert.deepEqual(before({}, { ...fast, verdict: 'refuted' }, fast), ['2', undefined])
})

test('an absent ledger is empty, and reading it makes no files', (t) => {
  const directory = stateFolder(t)
  const ledger = openLedger(directory, noon)
  assert.deepEqual(ledger.all(), [])
  assert.equal(ledger.latest('shop').size, 0)
  assert.throws(() => statSync(ledgerFile(directory)))
  assert.deepEqual(verifyLedger(directory), [])
})

test('the private key is readable by its owner alone', (t) => {
  const directory = stateFolder(t)
  const ledger = openLedger(directory, noon)
  t.after(() => ledger.close())
  ledger.append(exampleEvidence())
  assert.equal(statSync(privateKeyFile(directory)).mode & 0o777, 0o600)
})

test('evidence of the wrong shape is not appended', (t) => {
  const directory = stateFolder(t)
  const ledger = openLedger(directory, noon)
  t.after(() => ledger.close())
  assert.throws(() => ledger.append(exampleEvidence({ seed: 0.5 })))
  assert.deepEqual(ledger.all(), [])
})

test('a crash after a record was committed and before the head counted it is repaired, not called tampering', (t) => {
  const directory = stateFolder(t)
  const ledger = openLedger(directory, noon)
  ledger.append(exampleEvidence({ id: 'one' }))
  const headBefore = readFileSync(headFile(directory))
  ledger.append(exampleEvidence({ id: 'two' }))
  ledger.append(exampleEvidence({ id: 'three' }))
  ledger.close()
  writeFileSync(headFile(directory), headBefore)

  assert.deepEqual(verifyLedger(directory), [])
  const next = openLedger(directory, noon)
  t.after(() => next.close())
  assert.equal(next.all().length, 3)
  assert.equal(next.append(exampleEvidence({ id: 'four' })).sequence, 4)
  assert.deepEqual(verifyLedger(directory), [])
})

test('a ledger whose end was cut is neither read nor continued', (t) => {
  const directory = stateFolder(t)
  const ledger = openLedger(directory, noon)
  ledger.append(exampleEvidence({ id: 'one' }))
  ledger.close()
  const copy = readFileSync(ledgerFile(directory))
  const more = openLedger(directory, noon)
  more.append(exampleEvidence({ id: 'two' }))
  more.close()
  writeFileSync(ledgerFile(directory), copy)

  const cut = openLedger(directory, noon)
  t.after(() => cut.close())
  assert.throws(() => cut.append(exampleEvidence({ id: 'three' })), code('LEDGER_DAMAGED'))
  assert.throws(() => cut.latest('shop'), code('LEDGER_DAMAGED'))
})

test('a lost key is not replaced under records it signed', (t) => {
  const directory = stateFolder(t)
  const ledger = openLedger(directory, noon)
  ledger.append(exampleEvidence())
  ledger.close()
  rmSync(privateKeyFile(directory))
  const keyless = openLedger(directory, noon)
  t.after(() => keyless.close())
  assert.throws(() => keyless.append(exampleEvidence()), code('LEDGER_KEY_MISSING'))
  assert.equal(keyless.all().length, 1, 'the public key is enough to read')
})

test('three processes append at once to a ledger that none of them finds there', async (t) => {
  const directory = stateFolder(t)
  const program = writer(directory)
  const labels = ['a', 'b', 'c']
  const results = await Promise.all(
    labels.map((label) => runToEnd({ program: process.execPath, args: [program, directory, label, '120'] })),
  )
  assert.deepEqual(
    results.map(({ code, stderr }) => ({ code, stderr })),
    labels.map(() => ({ code: 0, stderr: '' })),
  )
  const ledger = openLedger(directory, systemClock)
  t.after(() => ledger.close())
  const ids = ledger.all().map(({ evidence }) => evidence.id)
  assert.equal(ids.length, 360)
  for (const label of labels) {
    const own = ids.filter((id) => id.startsWith(`${label}-`))
    assert.deepEqual(
      own,
      Array.from({ length: 120 }, (_, n) => `${label}-${n}`),
      'each process in its own order',
    )
  }
  assert.deepEqual(verifyLedger(directory), [])
})

test('whoever reads or verifies while others append sees a sound ledger that only grows', async (t) => {
  const directory = stateFolder(t)
  const program = writer(directory)
  const writers = ['a', 'b'].map((label) =>
    runToEnd({ program: process.execPath, args: [program, directory, label, '100'] }),
  )
  let working = true
  const done = Promise.all(writers).then(() => {
    working = false
  })
  const ledger = openLedger(directory, systemClock)
  t.after(() => ledger.close())
  let seen = 0
  let readings = 0
  while (working) {
    const { length } = ledger.all()
    assert.ok(length >= seen, 'nothing that was there is gone')
    seen = length
    assert.deepEqual(verifyLedger(directory), [])
    readings += 1
    await systemClock.sleep(1)
  }
  await done
  assert.ok(readings > 5, 'it was read in between')
  assert.equal(ledger.all().length, 200)
})

test('no acknowledged record is missing after kill -9 at any moment, and the next append continues', async (t) => {
  const directory = stateFolder(t)
  const program = writer(directory)
  const seed = 20260102
  t.diagnostic(`seed ${seed}`)
  const random = seededRandom(seed)
  const acknowledged: string[] = []
  for (let round = 0; round < 20; round++) {
    const child = await startChild({
      program: process.execPath,
      args: [program, directory, `r${round}`, '100000'],
    })
    const killAfter = 1 + random.int(25)
    let text = ''
    let lines = 0
    child.process.stdout?.on('data', (chunk: Buffer) => {
      text += chunk
      lines = text.split('\n').length - 1
      // Some way into one of the steps of the next append.
      if (lines >= killAfter) setTimeout(() => child.signal('SIGKILL'), random.int(8))
    })
    await child.ended
    acknowledged.push(...text.split('\n').slice(0, -1))
  }
  assert.ok(acknowledged.length >= 20, 'the children did append')
  assert.deepEqual(verifyLedger(directory), [])
  const ledger = openLedger(directory, systemClock)
  t.after(() => ledger.close())
  const kept = new Set(ledger.all().map(({ evidence }) => evidence.id))
  assert.deepEqual(
    acknowledged.filter((id) => !kept.has(id)),
    [],
  )
  const last = ledger.append(exampleEvidence({ id: 'after' }))
  assert.equal(last.sequence, kept.size + 1)
  assert.deepEqual(verifyLedger(directory), [])
})
