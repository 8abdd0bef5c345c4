import { z } from 'zod'

/*
 * What a person's devices know of the person's links. It is sealed like everything else and travels between the devices; two of them
 * may have changed it at once, so that it can be merged: what ended stays ended, what was counted only grows.
 */

const bytes = z.base64()

/** Of the supervised: an invite, with what its answer will be checked by. */
const ownInvite = z.object({
  secret: bytes,
  nonce: bytes,
  entityTypes: z.array(z.string()),
  accessDays: z.int().nullable(),
  /** The one answer this invite is bound to, from before we revealed anything. */
  answer: z.object({ user: z.string(), publicKey: bytes, nonce: bytes }).nullable(),
  /** Confirmed, taken back, or contradicted: no answer is looked at any more. */
  closed: z.boolean(),
})

/** Of the supervised: who was let in, with the key that both compared. */
const given = z.object({
  user: z.string(),
  publicKey: bytes,
  entityTypes: z.array(z.string()),
  collections: z.array(z.string()),
  /** Milliseconds since the epoch; by the person's own clock, so that no server can lengthen it. Null: until it is revoked. */
  until: z.number().nullable(),
  ended: z.boolean(),
})

/** Of the supervisor: what was accepted, and the key once both compared it. */
const taken = z.object({
  user: z.string(),
  nonce: bytes,
  commitment: bytes,
  publicKey: bytes.nullable(),
  ended: z.boolean(),
})

export const familyState = z.object({
  /** By the id of the invite, here and below: a person may be linked again after a link ended. */
  invites: z.record(z.string(), ownInvite),
  given: z.record(z.string(), given),
  taken: z.record(z.string(), taken),
})

export type FamilyState = z.output<typeof familyState>
export type OwnInvite = z.output<typeof ownInvite>
export type Given = z.output<typeof given>
export type Taken = z.output<typeof taken>

export const emptyFamilyState: FamilyState = { invites: {}, given: {}, taken: {} }

/** Changes what is known of an invite that has no answer yet. */
export function withInvite(state: FamilyState, id: string, change: (invite: OwnInvite) => OwnInvite): FamilyState {
  const known = state.invites[id]
  if (known === undefined || known.answer !== null) return state
  return { ...state, invites: { ...state.invites, [id]: change(known) } }
}

/** No answer to these invites is looked at any more. */
export function closeInvites(state: FamilyState, which: (id: string, invite: OwnInvite) => boolean): FamilyState {
  const invites = Object.entries(state.invites).map(([id, invite]) => [
    id,
    which(id, invite) ? { ...invite, closed: true } : invite,
  ])
  return { ...state, invites: Object.fromEntries(invites) }
}

/** Links that are over: none of the person's devices gives them a key any more. */
export function endLinks(state: FamilyState, over: (invite: string, link: Given) => boolean): FamilyState {
  const given = Object.entries(state.given).map(([invite, link]) => [
    invite,
    over(invite, link) ? { ...link, ended: true } : link,
  ])
  return { ...state, given: Object.fromEntries(given) }
}

/**
 * How often the key of each collection was replaced: once for every link that had it and is over. It is counted and not written down, so
 * that two devices that end two links at once come to two when they hear of each other; a number of each would stay one, and its key
 * may have been handed to the second by the first.
 */
export function generationsOf({ given }: FamilyState): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { ended, collections } of Object.values(given)) {
    for (const collection of ended ? new Set(collections) : [])
      counts.set(collection, (counts.get(collection) ?? 0) + 1)
  }
  return counts
}

/** Joins what two devices know. Order and repetition do not matter; a contradiction ends what it is about. */
export function mergeFamilyStates(a: FamilyState, b: FamilyState): FamilyState {
  return {
    invites: mergeRecords(a.invites, b.invites, (x, y) => {
      const contradicted = x.answer !== null && y.answer !== null && !same(x.answer, y.answer)
      return {
        ...smaller(x, y),
        answer: contradicted ? smaller(x.answer, y.answer) : (x.answer ?? y.answer),
        closed: x.closed || y.closed || contradicted,
      }
    }),
    given: mergeRecords(a.given, b.given, (x, y) => ({
      ...smaller(x, y),
      ended: x.ended || y.ended || x.publicKey !== y.publicKey || x.user !== y.user,
    })),
    taken: mergeRecords(a.taken, b.taken, (x, y) => {
      const contradicted = x.publicKey !== null && y.publicKey !== null && x.publicKey !== y.publicKey
      return {
        ...smaller(x, y),
        publicKey: contradicted ? smaller(x.publicKey, y.publicKey) : (x.publicKey ?? y.publicKey),
        ended: x.ended || y.ended || contradicted,
      }
    }),
  }
}

function mergeRecords<Value>(
  a: Readonly<Record<string, Value>>,
  b: Readonly<Record<string, Value>>,
  merge: (x: Value, y: Value) => Value,
): Record<string, Value> {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
  return Object.fromEntries(
    names.flatMap((name) => {
      const [x, y] = [a[name], b[name]]
      const value = x === undefined ? y : y === undefined ? x : merge(x, y)
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

/** One of two by an order of their own, so that both devices choose alike. */
function smaller<Value>(x: Value, y: Value): Value {
  return JSON.stringify(x) <= JSON.stringify(y) ? x : y
}

function same(x: unknown, y: unknown): boolean {
  return JSON.stringify(x) === JSON.stringify(y)
}
