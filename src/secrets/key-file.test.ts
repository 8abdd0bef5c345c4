import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { inspect } from 'node:util'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { makeEscrowCopy } from './escrow.ts'
import { loadKeyRing, readKeyFile, writeKeyFile } from './key-file.ts'
import { formatRing, keyId, newRing, parseRing, rotateRing } from './key-ring.ts'
import { formatLocked, lockRing, parseLocked } from './locked-key.ts'
import { secret } from './secret.ts'

const passphrase = secret('a horse, a battery and a staple')
const hasAge = (() => {
  try {
    execFileSync('age', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

suite('a key file', () => {
  let directory = ''
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aval-key-file-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))
  const place = (name: string) => join(directory, name)

  test('in the clear gives its keys, the present one first', async () => {
    const ring = rotateRing(newRing())
    await writeKeyFile(place('plain.key'), formatRing(ring))
    assert.deepEqual(await loadKeyRing(place('plain.key')), ring)
    await chmod(place('plain.key'), 0o644)
    await assert.rejects(loadKeyRing(place('plain.key')), { code: 'KEY_EXPOSED' })
  })

  test('that is locked opens for each holder alone, and for nobody else', async () => {
    const ring = newRing()
    const [one, two, stranger] = await Promise.all([generateIdentity(), generateIdentity(), generateIdentity()])
    const recipients = await Promise.all([one, two].map(identityToRecipient))
    const file = place('locked.key')
    await writeKeyFile(file, formatLocked(await lockRing(ring, 'shop', { passphrase, recipients })))
    assert.deepEqual(await loadKeyRing(file, { passphrase }), ring)
    for (const identity of [one, two]) {
      assert.deepEqual(await loadKeyRing(file, { identities: [secret(identity)] }), ring)
    }
    await assert.rejects(loadKeyRing(file, { identities: [secret(stranger)] }), { code: 'KEY_UNLOCK_FAILED' })
    await assert.rejects(loadKeyRing(file, { passphrase: secret('a horse, a battery and a stable') }), {
      code: 'KEY_UNLOCK_FAILED',
    })
    await assert.rejects(loadKeyRing(file), { code: 'KEY_LOCKED' })
  })

  test('that is locked holds no key, and names which it holds', async () => {
    const ring = newRing()
    const text = formatLocked(await lockRing(ring, 'shop', { passphrase, recipients: [] }))
    assert.doesNotMatch(text, new RegExp(Buffer.from(ring[0]).toString('hex')))
    assert.deepEqual(parseLocked(text)?.keys, [keyId(ring[0])])
  })

  test('that was changed anywhere does not open', async () => {
    const ring = newRing()
    const locked = await lockRing(ring, 'shop', { passphrase, recipients: [] })
    const [holder] = locked.holders
    assert.ok(holder?.kind === 'passphrase')
    const flip = (text: string) => {
      const bytes = Buffer.from(text, 'base64')
      bytes[20] = (bytes[20] ?? 0) ^ 1
      return bytes.toString('base64')
    }
    const changed = {
      'another system': { ...locked, system: 'bank' },
      'another key named': { ...locked, keys: ['0123456789abcdef'] },
      'the ring': { ...locked, sealed: flip(locked.sealed) },
      'the wrap': { ...locked, holders: [{ ...holder, wrapped: flip(holder.wrapped) }] },
      'a higher cost': { ...locked, holders: [{ ...holder, passes: 4 }] },
    }
    for (const [what, each] of Object.entries(changed)) {
      await writeKeyFile(place('changed.key'), formatLocked(each))
      await assert.rejects(loadKeyRing(place('changed.key'), { passphrase }), { code: 'KEY_UNLOCK_FAILED' }, what)
    }
    await writeKeyFile(place('changed.key'), formatLocked({ ...locked, holders: [{ ...holder, memoryKiB: 1024 }] }))
    await assert.rejects(loadKeyRing(place('changed.key'), { passphrase }), { code: 'KEY_MALFORMED' }, 'a lower cost')
  })

  test('may be an escrow copy, which opens with an identity alone and becomes a key file by the age program', async (t) => {
    const ring = rotateRing(newRing())
    const identity = await generateIdentity()
    const copy = await makeEscrowCopy(ring, [await identityToRecipient(identity)])
    await writeKeyFile(place('escrow.age'), copy)
    assert.equal((await readKeyFile(place('escrow.age'))).kind, 'escrow')
    assert.deepEqual(await loadKeyRing(place('escrow.age'), { identities: [secret(identity)] }), ring)
    await assert.rejects(loadKeyRing(place('escrow.age'), { passphrase }), { code: 'KEY_UNLOCK_FAILED' })
    if (!hasAge) return t.skip('the age program is not installed')
    await writeFile(place('identity.txt'), `# made for this test\n${identity}\n`, { mode: 0o600 })
    const text = execFileSync('age', ['--decrypt', '-i', place('identity.txt'), place('escrow.age')]).toString()
    assert.deepEqual(parseRing(text), ring)
  })

  test('is replaced whole, and leaves nothing beside it', async () => {
    const [before, next] = [newRing(), newRing()]
    const folder = await mkdtemp(join(directory, 'replaced-'))
    const file = join(folder, 'shop.key')
    await writeKeyFile(file, formatRing(before))
    await writeKeyFile(file, formatRing(next))
    assert.deepEqual(await loadKeyRing(file), next)
    assert.deepEqual(await readdir(folder), ['shop.key'])
    assert.equal(await readFile(file, 'utf8'), formatRing(next))
  })

  test('is not made with a passphrase that can be guessed, or for somebody who cannot open it', async () => {
    const ring = newRing()
    await assert.rejects(lockRing(ring, 'shop', { passphrase: secret('short'), recipients: [] }), {
      code: 'KEY_PASSPHRASE_SHORT',
    })
    await assert.rejects(lockRing(ring, 'shop', { recipients: ['age1nobody'] }), { code: 'KEY_RECIPIENT_INVALID' })
  })
})

test('a secret shows in no log, message or JSON', () => {
  const kept = secret('do not tell')
  for (const shown of [inspect(kept, { depth: 9, showHidden: true }), JSON.stringify({ kept }), `${kept}`]) {
    assert.doesNotMatch(shown, /do not tell/)
  }
  assert.equal(kept.reveal(), 'do not tell')
})
