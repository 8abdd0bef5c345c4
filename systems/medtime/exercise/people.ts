import { z } from 'zod'
import { type Claims, locallySigned } from './defective-token.ts'
import { uuidOf } from './wire.ts'

/** What is wrong with a token that must not be let in. */
export type Defect =
  | 'expired'
  | 'other-audience'
  | 'other-issuer'
  | 'other-key'
  | 'unsigned'
  | 'symmetric'
  | 'changed'
  | 'without-tier'
  | 'subject-no-uuid'

const defects: readonly Defect[] = [
  'expired',
  'other-audience',
  'other-issuer',
  'other-key',
  'unsigned',
  'symmetric',
  'changed',
  'without-tier',
  'subject-no-uuid',
]

/** The synthetic users of the exercise and their tokens. */
export interface People {
  /** Alias of a person: `ana@case`, or `ana@case;expired` when the token has a defect. */
  alias(name: string, place: string, defect?: Defect): string
  /** The user id that an alias always leads to; a defect does not change it. */
  userId(alias: string): string
  /** An access token; kept until shortly before it expires. */
  token(alias: string): Promise<string>
}

const minted = z.object({ access_token: z.string(), expires_in: z.number() })

/**
 * @param salt told apart the users of one run from those of another on the same database.
 * @param issuer address of the development issuer, asked anew before every use.
 */
export function people(options: { salt: string; issuer: () => string; now: () => number }): People {
  const { salt, issuer, now } = options
  const kept = new Map<string, { token: string; until: number }>()
  const userId = (alias: string) => uuidOf(`${salt} ${split(alias).who}`)
  const mint = async (claims: Claims): Promise<{ token: string; expiresIn: number }> => {
    const response = await fetch(new URL('/token', issuer()), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(claims),
      signal: AbortSignal.timeout(10_000),
    })
    if (!response.ok) throw new Error(`the development issuer answered ${response.status}`)
    const { access_token, expires_in } = minted.parse(await response.json())
    return { token: access_token, expiresIn: expires_in }
  }
  return {
    alias: (name, place, defect) => `${name}@${place}${defect === undefined ? '' : `;${defect}`}`,
    userId,
    token: async (alias) => {
      const { defect } = split(alias)
      const sub = userId(alias)
      const claims: Claims = { sub, email: `${sub}@example.test`, tier: 'perfect' }
      if (defect !== undefined) return defective(defect, claims, mint, issuer())
      const key = `${issuer()} ${sub}`
      const known = kept.get(key)
      if (known !== undefined && known.until > now()) return known.token
      const { token, expiresIn } = await mint(claims)
      kept.set(key, { token, until: now() + (expiresIn - 60) * 1_000 })
      return token
    },
  }
}

type Mint = (claims: Claims) => Promise<{ token: string }>

/** Properly signed by the issuer where only a claim is wrong, else made here. */
async function defective(defect: Defect, claims: Claims, mint: Mint, issuer: string): Promise<string> {
  const signed = async (change: Partial<Claims>) => (await mint({ ...claims, ...change })).token
  switch (defect) {
    case 'expired':
      return signed({ expires_in: -120 })
    case 'other-audience':
      return signed({ aud: 'another-service' })
    case 'other-issuer':
      return signed({ iss: 'https://issuer.example.test' })
    case 'without-tier':
      return signed({ tier: null })
    case 'subject-no-uuid':
      return signed({ sub: 'ana' })
    case 'other-key':
    case 'unsigned':
    case 'symmetric':
    case 'changed':
      return locallySigned(defect, await signed({}), issuer)
  }
}

function split(alias: string): { who: string; defect: Defect | undefined } {
  const [who = alias, told] = alias.split(';')
  const defect = defects.find((known) => known === told)
  if (told !== undefined && defect === undefined) throw new TypeError(`no token has the defect "${told}"`)
  return { who, defect }
}
