import type { Exchange, Expectation, Json } from 'aval'
import { accepted, page, refused, unauthenticated } from './answers.ts'
import { caseOf, get, pull, push, raw } from './scene.ts'

const consents = (...expected: Json[]): Expectation => ({ status: 200, json: { consents: expected } })
const standing = (text: string): Json => ({ text_id: text, given_at: 're:^\\d{4}-.*Z$', withdrawn_at: null })
const withdrawn = (text: string): Json => ({ text_id: text, given_at: 'any:string', withdrawn_at: 're:^\\d{4}-.*Z$' })
const agree = (as: string, text: string, expect: Expectation): Exchange =>
  raw({ method: 'POST', path: '/account/consents', json: { text_id: text } }, expect, as)
const withdraw = (as: string, text: string, expect: Expectation): Exchange =>
  raw({ method: 'DELETE', path: `/account/consents/${text}` }, expect, as)
const exported = (as: string, expect: Expectation): Exchange =>
  raw({ method: 'GET', path: '/account/export' }, expect, as)
const erase = (as: string, confirm: string, expect: Expectation): Exchange =>
  raw({ method: 'DELETE', path: `/account?confirm=${confirm}` }, expect, as)

const recorded = 'consent-recorded'
const complete = 'export-complete'
const erased = 'erasure-complete'

export const rights = [
  caseOf(recorded, 'given-and-withdrawn', 'Agreeing and withdrawing stay on record with their times', ({ person }) => {
    const ana = person('ana')
    return [
      agree(ana, 'privacy-1', consents(standing('privacy-1'))),
      agree(ana, 'privacy-1', consents(standing('privacy-1'))),
      withdraw(ana, 'privacy-1', consents(withdrawn('privacy-1'))),
      withdraw(ana, 'privacy-1', consents(withdrawn('privacy-1'))),
      agree(ana, 'privacy-1', consents(withdrawn('privacy-1'), standing('privacy-1'))),
    ]
  }),
  caseOf(recorded, 'own-alone', 'What somebody agreed to is nobody else’s', ({ person }) => [
    agree(person('ana'), 'terms-1', consents(standing('terms-1'))),
    raw({ method: 'GET', path: '/account/consents' }, consents(), person('bob')),
    get('/account/consents', unauthenticated),
  ]),
  caseOf(recorded, 'known-texts', 'Only a text that can be read can be agreed to', ({ person }) => [
    get('/account/texts', { status: 200, text: { has: ['terms-1', 'privacy-1'] } }),
    agree(person('ana'), 'privacy-2', refused(400, 'BAD_REQUEST')),
    agree(person('ana'), 'anything', refused(400, 'BAD_REQUEST', ['anything'])),
  ]),
  caseOf(complete, 'everything', 'An export holds what was pushed, where from, and what was agreed to', (scene) => {
    const ana = scene.person('ana')
    const [dose, gone] = [scene.entity('dose'), scene.entity('gone')]
    const deletion = scene.entity('gone', { version: 2, deleted: true })
    return [
      push(ana, [dose, gone], accepted(2)),
      push(ana, [deletion], accepted(1), { device: 'device-2' }),
      agree(ana, 'terms-1', { status: 200 }),
      exported(ana, {
        status: 200,
        json: {
          format: 'medtime-export-1',
          user_id: scene.userId('ana'),
          tables: {
            srv_users: [{ user_id: scene.userId('ana') }],
            srv_sync_status: ['any:object', 'any:object'],
            srv_consents: [{ text_id: 'terms-1', withdrawn_at: null }],
            srv_encrypted_entities: ['any:object', 'any:object'],
          },
          audit: [{ event: 'consent_given' }],
        },
        text: {
          has: [
            dose.id,
            gone.id,
            dose.checksum,
            deletion.checksum,
            Buffer.from(dose.encrypted_blob, 'base64').toString('hex'),
          ],
        },
      }),
    ]
  }),
  caseOf(complete, 'own-alone', 'An export holds nothing of anybody else', (scene) => {
    const [ana, bob] = [scene.person('ana'), scene.person('bob')]
    const dose = scene.entity('dose')
    return [
      push(ana, [dose], accepted(1)),
      exported(bob, {
        status: 200,
        json: { tables: { srv_encrypted_entities: [], srv_users: [] } },
        text: { lacks: [scene.userId('ana'), dose.id, dose.checksum] },
      }),
      get('/account/export', unauthenticated),
    ]
  }),
  caseOf(erased, 'nothing-left', 'After deletion nothing of the user is there, and everything of others', (scene) => {
    const [ana, bob] = [scene.person('ana'), scene.person('bob')]
    const [dose, other] = [scene.entity('dose'), scene.entity('other')]
    return [
      push(ana, [dose], accepted(1)),
      agree(ana, 'terms-1', { status: 200 }),
      push(bob, [other], accepted(1)),
      erase(ana, scene.userId('ana'), {
        status: 200,
        json: { erased: true, backups_expire_at: 're:^\\d{4}-\\d{2}-\\d{2}T.*Z$' },
      }),
      exported(ana, {
        status: 200,
        json: {
          tables: { srv_users: [], srv_encrypted_entities: [], srv_sync_status: [], srv_consents: [] },
          audit: [],
        },
        text: { lacks: [dose.id, dose.checksum] },
      }),
      pull(ana, '', page([])),
      pull(bob, '', page([other])),
    ]
  }),
  caseOf(erased, 'never-by-a-slip', 'Without the own id nothing is erased', (scene) => {
    const [ana, bob] = [scene.person('ana'), scene.person('bob')]
    const dose = scene.entity('dose')
    return [
      push(ana, [dose], accepted(1)),
      raw({ method: 'DELETE', path: '/account' }, refused(400, 'BAD_REQUEST'), ana),
      erase(ana, 'yes', refused(400, 'BAD_REQUEST')),
      erase(bob, scene.userId('ana'), refused(400, 'BAD_REQUEST')),
      raw({ method: 'DELETE', path: `/account?confirm=${scene.userId('ana')}` }, unauthenticated),
      pull(ana, '', page([dose])),
    ]
  }),
]
