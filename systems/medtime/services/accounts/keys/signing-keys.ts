import { createHash, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { type CryptoKey, exportJWK, importPKCS8, type JWK } from 'jose'
import { z } from 'zod'
import type { Database, Run } from '../../api/database.ts'
import type { Sealing } from '../sealing/seal.ts'
import { dueKeys, type Term } from './key-schedule.ts'

/** The keys of this issuer, the same on every instance. */
export interface SigningKeys {
  /** What signs now. */
  signing(): Promise<{ kid: string; privateKey: CryptoKey }>
  /** What `/.well-known/jwks.json` answers: the keys that signed lately, sign, and will sign. */
  published(): Promise<{ keys: JWK[] }>
}

interface StoredKey extends Term {
  kid: string
  publicKey: JWK
  sealedPrivateKey: Buffer
}

const publicKeySchema = z.object({
  kty: z.literal('RSA'),
  n: z.string(),
  e: z.string(),
  kid: z.string(),
  alg: z.literal('RS256'),
  use: z.literal('sig'),
})

/** What a private key is sealed for. */
export const signingKeyPurpose = (kid: string) => `signing key ${kid}`

/** How long what was read from the database is gone by; far shorter than a key is published before it signs. */
const freshMs = 60_000
/** Number of the lock that one instance holds while it makes a key; of no meaning beyond that. */
const lockNumber = 4_712_001

export interface SigningKeysOptions {
  database: Database
  sealing: Sealing
  /** Milliseconds since the epoch. */
  now: () => number
}

export function createSigningKeys({ database, sealing, now }: SigningKeysOptions): SigningKeys {
  let kept: { keys: StoredKey[]; at: number } | undefined
  let loading: Promise<StoredKey[]> | undefined
  const opened = new Map<string, Promise<CryptoKey>>()

  const load = async (): Promise<StoredKey[]> => {
    let keys = await database.transaction(null, read)
    if (isDue(keys, now())) {
      // Made before the transaction, since a connection is not held while something else is waited for.
      const spare = await makeKey(sealing)
      keys = await database.transaction(null, (run) => renew(run, spare, now()))
    }
    kept = { keys, at: now() }
    for (const kid of opened.keys()) if (!keys.some((key) => key.kid === kid)) opened.delete(kid)
    return keys
  }
  const current = async (): Promise<StoredKey[]> => {
    if (kept !== undefined && Math.abs(now() - kept.at) < freshMs) return kept.keys
    loading ??= load().finally(() => {
      loading = undefined
    })
    return loading
  }
  const open = (key: StoredKey): Promise<CryptoKey> => {
    const known =
      opened.get(key.kid) ?? importPKCS8(sealing.open(signingKeyPurpose(key.kid), key.sealedPrivateKey), 'RS256')
    opened.set(key.kid, known)
    return known
  }
  return {
    signing: async () => {
      const { signing } = dueKeys(await current(), now())
      if (signing === undefined) throw new Error('no key signs now')
      return { kid: signing.kid, privateKey: await open(signing) }
    },
    published: async () => ({ keys: dueKeys(await current(), now()).published.map(({ publicKey }) => publicKey) }),
  }
}

function isDue(keys: readonly StoredKey[], now: number): boolean {
  const { next, ended } = dueKeys(keys, now)
  return next !== undefined || ended.length > 0
}

async function read(run: Run): Promise<StoredKey[]> {
  const rows = await run<{
    kid: string
    public_key: unknown
    sealed_private_key: Buffer
    signs_from: Date
    signs_until: Date
  }>(
    'read signing keys',
    'SELECT kid, public_key, sealed_private_key, signs_from, signs_until FROM public.srv_signing_keys ORDER BY signs_from',
    [],
  )
  return rows.map((row) => ({
    kid: row.kid,
    publicKey: publicKeySchema.parse(row.public_key),
    sealedPrivateKey: row.sealed_private_key,
    signsFrom: row.signs_from.getTime(),
    signsUntil: row.signs_until.getTime(),
  }))
}

/** Makes the key that is due and drops those that have ended; one instance does, and the others find it done. */
async function renew(run: Run, spare: Omit<StoredKey, keyof Term>, now: number): Promise<StoredKey[]> {
  await run('lock signing keys', 'SELECT pg_advisory_xact_lock($1)', [lockNumber])
  const { published, ended, next } = dueKeys(await read(run), now)
  for (const { kid } of ended) {
    await run('drop signing key', 'DELETE FROM public.srv_signing_keys WHERE kid = $1', [kid])
  }
  if (next === undefined) return published
  const key = { ...spare, ...next }
  await run(
    'keep signing key',
    `INSERT INTO public.srv_signing_keys (kid, public_key, sealed_private_key, signs_from, signs_until)
     VALUES ($1, $2, $3, $4, $5)`,
    [key.kid, JSON.stringify(key.publicKey), key.sealedPrivateKey, new Date(key.signsFrom), new Date(key.signsUntil)],
  )
  return [...published, key]
}

async function makeKey(sealing: Sealing): Promise<Omit<StoredKey, keyof Term>> {
  const pair: { privateKey: KeyObject; publicKey: KeyObject } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
  })
  const spki = pair.publicKey.export({ type: 'spki', format: 'der' })
  const kid = createHash('sha256').update(spki).digest('hex').slice(0, 32)
  const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const publicKey = publicKeySchema.parse({ ...(await exportJWK(pair.publicKey)), kid, alg: 'RS256', use: 'sig' })
  return { kid, publicKey, sealedPrivateKey: sealing.seal(signingKeyPurpose(kid), pem) }
}
