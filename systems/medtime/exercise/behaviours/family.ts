import { createHash } from 'node:crypto'
import type { Exchange, Expectation, Json } from 'aval'
import { uuidOf } from '../wire.ts'
import { accepted, page, refused } from './answers.ts'
import { caseOf, get, pull, push, raw, type Scene } from './scene.ts'

const done: Expectation = { status: 200, json: {} }
const noLink = refused(404, 'NO_LINK')
const noInvite = refused(404, 'INVITE_INVALID')

const digest = (name: string) => createHash('sha256').update(name).digest()
const base64 = (name: string) => digest(name).toString('base64')

interface Pair {
  ana: string
  carla: string
  anaId: string
  carlaId: string
  /** What Ana's invite is made of; the same name is the same invite. */
  invite: string
}

function pairOf({ person, userId }: Scene, name = 'invite'): Pair {
  const [ana, carla] = [person('ana'), person('carla')]
  return { ana, carla, anaId: userId('ana'), carlaId: userId('carla'), invite: `${userId('ana')} ${name}` }
}

const send = (as: string, method: 'POST' | 'DELETE', path: string, json: Json | undefined, expect: Expectation) =>
  raw({ method, path: `/family/${path}`, ...(json === undefined ? {} : { json }) }, expect, as)

const invites = ({ ana, invite }: Pair, types: string[] = ['medication'], expect = done): Exchange =>
  send(
    ana,
    'POST',
    'invites',
    {
      invite_id: uuidOf(invite),
      secret_hash: createHash('sha256').update(digest(invite)).digest('base64'),
      commitment: base64(`${invite} commitment`),
      entity_types: types,
      access_days: null,
    },
    expect,
  )

const accepts = (pair: Pair, expect: Expectation, change: { as?: string; secret?: string } = {}): Exchange =>
  send(
    change.as ?? pair.carla,
    'POST',
    'accept',
    {
      supervised: pair.anaId,
      invite_id: uuidOf(pair.invite),
      secret: change.secret ?? base64(pair.invite),
      public_key: base64('public key'),
      nonce: base64('nonce'),
      tag: base64('tag'),
    },
    expect,
  )

const letIn: Expectation = { status: 200, json: { entity_types: 'any:array' } }

const reveals = ({ ana, carlaId }: Pair): Exchange =>
  send(ana, 'POST', `supervisors/${carlaId}/reveal`, { public_key: base64('key'), nonce: base64('number') }, done)

const confirms = ({ ana, carlaId }: Pair, expect = done): Exchange =>
  send(ana, 'POST', `supervisors/${carlaId}/confirm`, { keys: [] }, expect)

const linked = (pair: Pair, types?: string[]): Exchange[] => [
  invites(pair, types),
  accepts(pair, letIn),
  reveals(pair),
  confirms(pair),
]

const reads = ({ carla, anaId }: Pair, expect: Expectation, query = ''): Exchange => ({
  as: carla,
  ...get(`/family/${anaId}/pull${query}`, expect),
})

export const familyConsent = [
  caseOf('family-consent', 'order', 'Nothing is read before both sides have agreed', (scene) => {
    const pair = pairOf(scene)
    const dose = scene.entity('dose')
    return [
      push(pair.ana, [dose], accepted(1)),
      reads(pair, noLink),
      invites(pair),
      reads(pair, noLink),
      accepts(pair, letIn),
      reads(pair, noLink),
      confirms(pair, noLink),
      reveals(pair),
      reads(pair, noLink),
      confirms(pair),
      reads(pair, page([dose])),
    ]
  }),
  caseOf('family-consent', 'one-use', 'An invite lets one person in, once', (scene) => {
    const pair = pairOf(scene)
    return [
      invites(pair),
      accepts(pair, letIn),
      accepts(pair, noInvite, { as: scene.person('mallory') }),
      accepts(pair, noInvite),
    ]
  }),
  caseOf('family-consent', 'held', 'An invite is of use to who holds its secret only', (scene) => {
    const pair = pairOf(scene)
    const guess = { as: scene.person('mallory'), secret: base64('a guess') }
    return [accepts(pair, noInvite), invites(pair), accepts(pair, noInvite, guess), accepts(pair, letIn)]
  }),
]

export const familyEnds = [
  caseOf('family-ends', 'by-supervised', 'Who shares ends it at once', (scene) => {
    const pair = pairOf(scene)
    const dose = scene.entity('dose')
    return [
      push(pair.ana, [dose], accepted(1)),
      ...linked(pair),
      reads(pair, page([dose])),
      send(pair.ana, 'DELETE', `supervisors/${pair.carlaId}`, undefined, done),
      reads(pair, noLink),
      confirms(pair, noLink),
      reads(pair, noLink),
    ]
  }),
  caseOf('family-ends', 'by-supervisor', 'Who reads gives it up at once', (scene) => {
    const pair = pairOf(scene)
    return [
      ...linked(pair),
      reads(pair, page([])),
      send(pair.carla, 'DELETE', `supervised/${pair.anaId}`, undefined, done),
      reads(pair, noLink),
      { as: pair.carla, ...get(`/family/${pair.anaId}/keys`, noLink) },
    ]
  }),
]

export const familyScope = [
  caseOf('family-scope', 'named-types', 'A supervisor is given what the link names and nothing else', (scene) => {
    const pair = pairOf(scene)
    const [dose, note] = [scene.entity('dose', { type: 'dose' }), scene.entity('note', { type: 'journal' })]
    return [
      push(pair.ana, [note, dose], accepted(2)),
      ...linked(pair, ['dose']),
      reads(pair, { ...page([dose]), text: { lacks: [note.id, note.checksum] } }),
      pull(pair.carla, '', page([])),
    ]
  }),
  caseOf('family-scope', 'reads-only', 'What a supervisor pushes is her own', (scene) => {
    const pair = pairOf(scene)
    const dose = scene.entity('dose')
    const over = scene.entity('dose', { text: 'written over' })
    return [
      push(pair.ana, [dose], accepted(1)),
      ...linked(pair),
      push(pair.carla, [over], accepted(1)),
      pull(pair.ana, '', page([dose])),
      reads(pair, page([dose])),
    ]
  }),
  caseOf('family-scope', 'not-the-other-way', 'A link is read along in one direction, and by nobody else', (scene) => {
    const pair = pairOf(scene)
    const dose = scene.entity('dose')
    return [
      push(pair.carla, [dose], accepted(1)),
      ...linked(pair),
      { as: pair.ana, ...get(`/family/${pair.carlaId}/pull`, noLink) },
      { as: scene.person('mallory'), ...get(`/family/${pair.anaId}/pull`, noLink) },
    ]
  }),
]
