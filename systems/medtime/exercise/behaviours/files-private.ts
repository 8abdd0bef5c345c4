import { createHash } from 'node:crypto'
import type { Exchange, Expectation, HttpRequest } from 'aval'
import { refused } from './answers.ts'
import { caseOf, raw } from './scene.ts'

const promise = 'files-private'

function digestOf(text: string): string {
  return `sha-256=:${createHash('sha256').update(text).digest('base64')}:`
}

function put(as: string, id: string, text: string, expect: Expectation, digest = digestOf(text)): Exchange {
  const headers = { 'content-type': 'application/octet-stream', 'content-digest': digest }
  return raw({ method: 'PUT', path: `/files/${id}`, headers, text }, expect, as)
}

const ask = (method: HttpRequest['method'], as: string, id: string, expect: Expectation): Exchange =>
  raw({ method, path: `/files/${id}` }, expect, as)

const holds = (text: string): Expectation => ({
  status: 200,
  headers: { 'content-digest': digestOf(text), 'content-length': String(text.length) },
  text: { has: [`re:^${text}$`] },
})
const stored = (text: string): Expectation => ({ status: 200, json: { size: text.length } })

export const filesPrivate = [
  caseOf(promise, 'own', 'A file comes back as it was stored, until its owner deletes it', ({ person, entity }) => {
    const ana = person('ana')
    const id = entity('photo').id
    return [
      put(ana, id, 'sealed photo', stored('sealed photo')),
      ask('GET', ana, id, holds('sealed photo')),
      ask('DELETE', ana, id, { status: 204 }),
      ask('GET', ana, id, refused(404, 'NOT_FOUND')),
      ask('DELETE', ana, id, { status: 204 }),
    ]
  }),
  caseOf(promise, 'foreign', 'To anybody but its owner a file is not there', ({ person, entity }) => {
    const [ana, bob] = [person('ana'), person('bob')]
    const id = entity('photo').id
    return [
      put(ana, id, 'of ana', stored('of ana')),
      ask('GET', bob, id, refused(404, 'NOT_FOUND', ['of ana'])),
      ask('DELETE', bob, id, { status: 204 }),
      put(bob, id, 'of bob', stored('of bob')),
      ask('GET', ana, id, holds('of ana')),
      raw({ method: 'GET', path: `/files/${id}` }, refused(401, 'UNAUTHENTICATED')),
    ]
  }),
  caseOf(
    promise,
    'verified',
    'What was damaged on the way is not stored, and a file never changes',
    ({ person, entity }) => {
      const ana = person('ana')
      const id = entity('photo').id
      return [
        put(ana, id, 'damaged', refused(422, 'DIGEST_MISMATCH'), digestOf('sound')),
        ask('GET', ana, id, refused(404, 'NOT_FOUND')),
        put(ana, id, 'sound', stored('sound')),
        put(ana, id, 'sound', stored('sound')),
        put(ana, id, 'other', refused(409, 'FILE_EXISTS')),
        ask('GET', ana, id, holds('sound')),
      ]
    },
  ),
]
