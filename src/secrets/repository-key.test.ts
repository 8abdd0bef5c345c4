import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { loadKey, loadOrCreateKey } from './repository-key.ts'

suite('repository key', () => {
  let directory = ''
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aval-key-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  test('is made once, for its owner alone, and stays the same', async () => {
    const file = join(directory, 'keys', 'shop.key')
    const [one, two] = await Promise.all([loadOrCreateKey(file), loadOrCreateKey(file)])
    assert.equal(one.length, 32)
    assert.deepEqual(one, two)
    assert.deepEqual(await loadKey(file), one)
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.equal((await readFile(file, 'utf8')).trim(), Buffer.from(one).toString('hex'))
    assert.deepEqual(await readdir(join(directory, 'keys')), ['shop.key'])
  })

  test('is never made where it was expected to exist', async () => {
    const file = join(directory, 'lost.key')
    await assert.rejects(loadKey(file), { code: 'KEY_MISSING' })
    await assert.rejects(stat(file))
  })

  test('is refused when others may read it, or when it is no key', async () => {
    const open = join(directory, 'open.key')
    await loadOrCreateKey(open)
    await chmod(open, 0o640)
    await assert.rejects(loadKey(open), { code: 'KEY_EXPOSED' })
    const short = join(directory, 'short.key')
    await writeFile(short, 'abc', { mode: 0o600 })
    await assert.rejects(loadOrCreateKey(short), { code: 'KEY_MALFORMED' })
  })
})
