import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { AvalError } from '../errors.ts'
import { claim, ownerFile } from './owner.ts'
import { type TemporaryPlace, temporaryPlace } from './place.ts'

let place: TemporaryPlace
before(async () => {
  place = await temporaryPlace('aval-test')
})
after(() => place.remove())

const isInUse = (reason: unknown) => reason instanceof AvalError && reason.code === 'POSTGRES_IN_USE'

test('of many that claim a directory at once exactly one gets it, free or left by the dead', async () => {
  for (const left of ['nothing', 'a dead mark', 'half a mark'] as const) {
    const directory = join(place.path, left.replaceAll(' ', '-'))
    // No process has this number: it is above what the kernel hands out.
    const dead = JSON.stringify({ pid: 2 ** 30, started: '1' })
    if (left !== 'nothing') await writeFile(ownerFile(directory), left === 'a dead mark' ? dead : dead.slice(0, 9))
    const claims = await Promise.allSettled(Array.from({ length: 20 }, () => claim(directory)))
    const winners = claims.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    const losers = claims.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
    assert.equal(winners.length, 1, left)
    assert.ok(losers.every(isInUse), left)
    assert.equal(winners[0]?.abandoned, left !== 'nothing')
    assert.equal(JSON.parse(await readFile(ownerFile(directory), 'utf8')).pid, process.pid)
    await winners[0]?.release()
  }
  assert.deepEqual(await readdir(place.path), [], 'no drafts or guards are left')
})

test('a claimant that died in the middle of a takeover does not block the next', async () => {
  const directory = join(place.path, 'guarded')
  const dead = JSON.stringify({ pid: 2 ** 30, started: '1' })
  await writeFile(ownerFile(directory), dead)
  await writeFile(`${ownerFile(directory)}.takeover`, dead)
  const ownership = await claim(directory)
  assert.equal(JSON.parse(await readFile(ownerFile(directory), 'utf8')).pid, process.pid)
  await ownership.release()
})
