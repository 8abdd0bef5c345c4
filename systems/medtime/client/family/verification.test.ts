import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import { bytesToHex, randomBytes } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { createMasterKey } from '../keys.ts'
import { familyIdentity, familySuite } from './identity.ts'
import { readInviteCode, writeInviteCode } from './invite-code.ts'
import { openKey, sealKey } from './sealed-key.ts'
import { commitmentOf, type Side, sameCode, secretsOf, shortCode, tagOf } from './verification.ts'

const side = (user: string): Side => ({ user, publicKey: randomBytes(32), nonce: randomBytes(32) })
const [ana, carla] = [side('ana'), side('carla')]

/** The same side with one thing about it changed, each in turn. */
const others = (one: Side): Side[] => [
  { ...one, user: `${one.user}x` },
  { ...one, publicKey: randomBytes(32) },
  { ...one, nonce: randomBytes(32) },
]

test('a code is thirty digits in groups, and another one as soon as anything is different', () => {
  const code = shortCode('invite', ana, carla)
  assert.match(code, /^\d{5}( \d{5}){5}$/)
  const codes = [
    shortCode('other', ana, carla),
    shortCode('invite', carla, ana),
    ...others(ana).map((other) => shortCode('invite', other, carla)),
    ...others(carla).map((other) => shortCode('invite', ana, other)),
  ]
  assert.equal(new Set([code, ...codes]).size, codes.length + 1)
  assert.ok(sameCode(` ${code.replaceAll(' ', '-')}`, code))
  assert.ok(!sameCode(code.slice(1), code))
})

test('a commitment holds its maker to everything about the side, and a tag to everything about the answer', () => {
  const commitments = [ana, ...others(ana)].map((one) => bytesToHex(commitmentOf('invite', one)))
  assert.equal(new Set(commitments).size, 4)
  const key = randomBytes(32)
  const tags = [carla, ...others(carla)].map((one) => bytesToHex(tagOf(key, 'ana', one)))
  assert.equal(
    new Set([...tags, bytesToHex(tagOf(key, 'bob', carla)), bytesToHex(tagOf(randomBytes(32), 'ana', carla))]).size,
    6,
  )
})

test('what the server is shown of an invite does not tell what it is not shown', () => {
  const secret = randomBytes(32)
  const { shown, kept } = secretsOf({ id: 'one', secret })
  const all = [secret, shown, kept, secretsOf({ id: 'two', secret }).shown].map(bytesToHex)
  assert.equal(new Set(all).size, 4)
})

test('an invite is read as it was written, and nothing else is taken for one', () => {
  const invite = {
    supervised: '0f0e0d0c-0b0a-4908-8706-050403020100',
    invite: '11111111-1111-4111-8111-111111111111',
    secret: randomBytes(32),
    commitment: randomBytes(32),
  }
  const text = writeInviteCode(invite)
  assert.match(text, /^[\w.-]{145}$/)
  assert.deepEqual(readInviteCode(`\n${text} `), invite)
  for (const other of ['', text.slice(0, -1), `${text}A`, text.replace('-1.', '-2.'), text.replace(/.$/, '=')]) {
    assert.equal(readInviteCode(other), undefined, other)
  }
  fc.assert(fc.property(fc.string(), (any) => readInviteCode(any) === undefined))
})

test('the key pair of a person follows from the master key, and its public key is the one X25519 gives', async () => {
  const master = createMasterKey()
  const [phone, tablet] = [await familyIdentity('ana', master), await familyIdentity('ana', master)]
  assert.deepEqual(phone.publicKey, tablet.publicKey)
  assert.notDeepEqual((await familyIdentity('carla', master)).publicKey, phone.publicKey)
  const scalar = Buffer.from(await familySuite.kem.serializePrivateKey(phone.pair.privateKey))
  const key = createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), scalar]),
    format: 'der',
    type: 'pkcs8',
  })
  const told = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
  assert.deepEqual(Buffer.from(phone.publicKey), told)
})

test('a sealed key opens for its supervisor, from its supervised, under its names, and not otherwise', async () => {
  const [from, to, mallory] = await Promise.all(
    ['ana', 'carla', 'mallory'].map((user) => familyIdentity(user, createMasterKey())),
  )
  assert.ok(from && to && mallory)
  const key = createMasterKey()
  const binding = { supervised: 'ana', supervisor: 'carla', collection: 'dose', keyId: 'k' }
  const sealed = await sealKey(from, to.publicKey, binding, key)
  assert.equal(sealed.length, 80)
  assert.deepEqual(await openKey(to, from.publicKey, binding, sealed), key)
  assert.equal(await openKey(mallory, from.publicKey, binding, sealed), undefined)
  assert.equal(await openKey(to, mallory.publicKey, binding, sealed), undefined)
  for (const change of [{ supervised: 'bob' }, { supervisor: 'bob' }, { collection: 'note' }, { keyId: 'l' }]) {
    assert.equal(await openKey(to, from.publicKey, { ...binding, ...change }, sealed), undefined)
  }
  for (const at of [0, 31, 32, 79]) {
    const damaged = sealed.map((byte, index) => (index === at ? byte ^ 1 : byte))
    assert.equal(await openKey(to, from.publicKey, binding, damaged), undefined)
  }
  assert.equal(await openKey(to, from.publicKey, binding, new Uint8Array(3)), undefined)
  // Sealed by somebody who knows both public keys and no private one.
  const forged = await sealKey(mallory, to.publicKey, binding, key)
  assert.equal(await openKey(to, from.publicKey, binding, forged), undefined)
})
