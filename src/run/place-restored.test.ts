import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { AvalError } from '../errors.ts'
import { markPending } from '../recovery/restore/pending-restore.ts'
import { type Pair, readPair, writePair } from '../recovery/standby/pair.ts'
import { pairFile, refuseForeign, refuseForeignSuccessor } from './pair-file.ts'
import { finishPlacing, type PlacingStep, placeRestored, prepareBeside, refusePending } from './place-restored.ts'

const clock = systemClock

/** An environment with a pair whose roles were changed, and a restored directory beside. */
async function changedRoles() {
  const directory = await mkdtemp(join(tmpdir(), 'aval-placing-'))
  await rm(directory, { recursive: true })
  await mkdir(directory, { mode: 0o755 })
  const cluster = async (name: string, more: readonly string[] = []) => {
    const path = join(directory, name)
    await mkdir(join(path, 'global'), { recursive: true })
    await writeFile(join(path, 'PG_VERSION'), '18\n')
    await writeFile(join(path, 'name'), name)
    await writeFile(`${path}.secret`, name)
    for (const each of more) await writeFile(join(path, each), '')
    return path
  }
  const old = await cluster('database', ['standby.signal'])
  const live = await cluster('standby-database')
  await writeFile(`${old}.passfile`, 'old')
  const restored = await cluster('database.restored')
  const pair: Pair = {
    format: 1,
    generation: 2,
    primary: live,
    standby: old,
    state: 'following',
    synchronous: true,
  }
  await writePair(pairFile(directory), pair)
  return { directory, old, live, restored, pair, remove: () => rm(directory, { recursive: true, force: true }) }
}

const has = (code: string) => (error: unknown) => error instanceof AvalError && error.code === code

test('a restore is put where up begins, and a crash between any two moves is taken up without losing a directory', async (t) => {
  const steps: PlacingStep[] = []
  const probe = await changedRoles()
  t.after(probe.remove)
  await placeRestored(probe.restored, { directory: probe.directory, clock, onStep: (step) => void steps.push(step) })
  assert.ok(steps.filter((step) => step === 'move').length >= 7, steps.join())

  for (let dying = 0; dying < steps.length; dying++) {
    const site = await changedRoles()
    t.after(site.remove)
    let step = 0
    await assert.rejects(
      placeRestored(site.restored, {
        directory: site.directory,
        clock,
        onStep: () => {
          if (step++ === dying) throw new Error('died')
        },
      }),
      new Error('died'),
    )
    // Twice: the second finds nothing to do.
    const placed = await finishPlacing({ directory: site.directory, clock })
    assert.equal(await finishPlacing({ directory: site.directory, clock }), undefined)
    const name = (path: string) => readFile(join(path, 'name'), 'utf8')
    if (steps[dying] === 'note') {
      assert.equal(placed, undefined)
      assert.deepEqual(await readPair(pairFile(site.directory)), site.pair, 'nothing was decided')
      assert.equal(await name(site.live), 'standby-database')
      continue
    }
    assert.ok(placed)
    assert.deepEqual([placed.dataDirectory, placed.dissolved], [site.old, true])
    assert.equal(await name(site.old), 'database.restored')
    assert.equal(await readFile(`${site.old}.secret`, 'utf8'), 'database.restored')
    assert.equal(existsSync(`${site.old}.passfile`), false)
    assert.equal(existsSync(site.live), false)
    assert.equal(await readPair(pairFile(site.directory)), undefined)
    assert.deepEqual(await Promise.all(placed.aside.map(name)), ['database', 'standby-database'])
    assert.deepEqual(await Promise.all(placed.aside.map((each) => readFile(`${each}.secret`, 'utf8'))), [
      'database',
      'standby-database',
    ])
  }
})

test('a directory that is lost altogether has nothing to be put aside', async (t) => {
  const site = await changedRoles()
  t.after(site.remove)
  for (const each of [site.old, site.live]) await rm(each, { recursive: true })
  const placed = await placeRestored(site.restored, { directory: site.directory, clock })
  assert.deepEqual(placed, { dataDirectory: site.old, aside: [], dissolved: true })
  assert.equal(await readFile(join(site.old, 'name'), 'utf8'), 'database.restored')
})

test('what an earlier call left half restored beside goes before the next', async (t) => {
  const site = await changedRoles()
  t.after(site.remove)
  await cp(site.restored, `${site.restored}.wal-x`, { recursive: true })
  assert.equal(await prepareBeside({ directory: site.directory, clock }), site.restored)
  assert.deepEqual(
    (await readdir(site.directory)).filter((name) => name.startsWith('database.restored')),
    [],
  )
})

test('an unfinished restore is not put in place, nor started', async (t) => {
  const site = await changedRoles()
  t.after(site.remove)
  await markPending(site.restored, `${site.restored}.wal`, undefined)
  await assert.rejects(refusePending(site.restored), has('RESTORE_UNFINISHED'))
  await assert.rejects(placeRestored(site.restored, { directory: site.directory, clock }), has('RESTORE_UNFINISHED'))
  assert.deepEqual(await readPair(pairFile(site.directory)), site.pair)
})

test('directories that were moved by hand are told from those of the pair', async (t) => {
  const site = await changedRoles()
  t.after(site.remove)
  const file = pairFile(site.directory)
  const disagrees = (pair: Pair) => assert.throws(() => refuseForeign(pair, file), has('STANDBY_PAIR_DISAGREES'))
  refuseForeign(site.pair, file)
  refuseForeign({ ...site.pair, state: 'making' }, file)
  disagrees({ ...site.pair, primary: site.old, standby: site.live })
  disagrees({ ...site.pair, primary: join(site.directory, 'gone') })
  const promotion = { loss: { kind: 'none', because: 'received' }, forced: false, at: 0 } as const
  refuseForeign({ ...site.pair, primary: join(site.directory, 'gone'), promotion }, file)
  disagrees({ ...site.pair, standby: join(site.directory, 'gone'), promotion })

  // A promotion is for a primary that is gone.
  refuseForeignSuccessor({ ...site.pair, primary: join(site.directory, 'gone') }, file)
  assert.throws(
    () => refuseForeignSuccessor({ ...site.pair, standby: join(site.directory, 'gone') }, file),
    has('STANDBY_PAIR_DISAGREES'),
  )

  // By hand: the standby away, the restored one in its place.
  await rm(site.old, { recursive: true })
  refuseForeign(site.pair, file)
  await cp(site.restored, site.old, { recursive: true })
  disagrees(site.pair)
  disagrees({ ...site.pair, state: 'fenced' })
  assert.throws(() => refuseForeignSuccessor(site.pair, file), has('STANDBY_PAIR_DISAGREES'))
})
