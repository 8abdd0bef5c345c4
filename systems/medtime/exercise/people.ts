import { z } from 'zod'
import { type Claims, locallySigned } from './defective-token.ts'
import { uuidOf } from './wire.ts'

/** What is wrong with a token that must not be let in, or not everywhere. */
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
  | 'signed-in-long-ago'

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
  'signed-in-long-ago',
]

/** What a person pays for; perfect unless a case needs another. */
export type Tier = 'free' | 'pro' | 'perfect'

const tiers: readonly Tier[] = ['free', 'pro', 'perfect']

/** The synthetic users of the exercise and their tokens. */
export interface People {
  /** Alias of a person: `ana@case`, or `ana@case;expired` when the token has a defect, `ana@case;free` when it has a tier. */
  alias(name: string, place: string, trait?: Defect | Tier): string
  /** The user id that an alias always leads to; a defect does not change it. */
  userId(alias: string): string
  /** A new access token. Not kept: the issuer may have been started anew, with another key, at any time. */
  token(alias: string): Promise<string>
  /** The same for a user known by id only, as an acknowledgement names it. */
  tokenOf(userId: string): Promise<string>
}

const minted = z.object({ access_token: z.string() })

/**
 * @param salt tells apart the users of one run from those of another on the same database.
 * @param issuer address of the development issuer, asked anew before every use.
 */
export function people(options: { salt: string; issuer: () => string }): People {
  const { salt, issuer } = options
  const userId = (alias: string) => uuidOf(`${salt} ${split(alias).who}`)
  const mint = async (claims: Claims): Promise<string> => {
    const response = await fetch(new URL('/token', issuer()), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(claims),
      signal: AbortSignal.timeout(10_000),
    })
    if (!response.ok) throw new Error(`the development issuer answered ${response.status}`)
    return minted.parse(await response.json()).access_token
  }
  const claimsOf = (sub: string, tier: Tier = 'perfect'): Claims => ({ sub, email: `${sub}@example.test`, tier })
  return {
    alias: (name, place, trait) => `${name}@${place}${trait === undefined ? '' : `;${trait}`}`,
    userId,
    token: async (alias) => {
      const { defect, tier } = split(alias)
      const claims = claimsOf(userId(alias), tier)
      return defect === undefined ? mint(claims) : defective(defect, claims, mint, issuer())
    },
    tokenOf: (sub) => mint(claimsOf(sub)),
  }
}

type Mint = (claims: Claims) => Promise<string>

/** Properly signed by the issuer where only a claim is wrong, else made here. */
async function defective(defect: Defect, claims: Claims, mint: Mint, issuer: string): Promise<string> {
  const signed = (change: Partial<Claims>) => mint({ ...claims, ...change })
  switch (defect) {
    case 'expired':
      return signed({ expires_in: -120 })
    case 'other-audience':
      return signed({ claims: { aud: 'another-service' } })
    case 'other-issuer':
      return signed({ claims: { iss: 'https://issuer.example.test' } })
    case 'without-tier':
      return signed({ claims: { tier: null } })
    case 'subject-no-uuid':
      return signed({ claims: { sub: 'ana' } })
    case 'signed-in-long-ago':
      return signed({ auth_age: 301 })
    case 'other-key':
    case 'unsigned':
    case 'symmetric':
    case 'changed':
      return locallySigned(defect, await signed({}), issuer)
  }
}

function split(alias: string): { who: string; defect: Defect | undefined; tier: Tier | undefined } {
  const [who = alias, told] = alias.split(';')
  const defect = defects.find((known) => known === told)
  const tier = tiers.find((known) => known === told)
  if (told !== undefined && defect === undefined && tier === undefined)
    throw new TypeError(`no token has the defect "${told}"`)
  return { who, defect, tier }
}
