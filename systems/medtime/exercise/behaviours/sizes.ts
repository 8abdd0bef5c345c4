import { createHash } from 'node:crypto'
import type { Behaviour, Exchange, Expectation } from 'aval'
import { padmeLength } from '../../client/padding.ts'
import { accepted, refused, rejected, rejection } from './answers.ts'
import { type CaseOf, caseOf, pull, push, raw, type Scene } from './scene.ts'

const kibibyte = 1_024
const mebibyte = kibibyte * kibibyte

/** A case of a limit of the plan. */
function limitCase(limit: string, name: string, title: string, write: (scene: Scene) => Exchange[]): CaseOf {
  const made = caseOf(`limits-${limit}`, name, title, write)
  return (people): Behaviour => ({ ...made(people), promise: `limits/${limit}` })
}

function putFile(as: string, id: string, size: number, expect: Expectation): Exchange {
  const bytes = Buffer.alloc(size)
  const digest = `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`
  const headers = { 'content-type': 'application/octet-stream', 'content-digest': digest }
  return raw({ method: 'PUT', path: `/files/${id}`, headers, base64: bytes.toString('base64') }, expect, as)
}

/**
 * What a file of this size is on the wire: it is padded with its length, each 256 KiB get a tag, and the name of its key and a nonce stand
 * before them.
 */
function sealedSize(file: number): number {
  const padded = padmeLength(4 + file)
  const [keyId, nonce, tag] = [19, 19, 16]
  return 2 + keyId + nonce + padded + Math.ceil(padded / (256 * kibibyte)) * tag
}

/** Sizes and counts at their limit and one over; the figures stand in the plan. */
export const sizes = [
  limitCase('blob', 'at', 'An entity of exactly 1 MiB is taken', ({ person, entity }) => [
    push(person('ana'), [entity('whole', { size: mebibyte })], accepted(1)),
  ]),
  limitCase('blob', 'over', 'One byte more is refused by name, and nothing is written', ({ person, entity }) => {
    const over = entity('over', { size: mebibyte + 1 })
    return [
      push(person('ana'), [over], rejected([rejection(0, over, 'too_large')])),
      pull(person('ana'), '', { status: 200, json: { entities: [] } }),
    ]
  }),
  limitCase('push_batch', 'at', 'A push of 100 entities is taken', ({ person, entities }) => [
    push(person('ana'), entities('dose', 100), accepted(100)),
  ]),
  limitCase('push_batch', 'over', 'A push of 101 is refused, and none of them is written', ({ person, entities }) => [
    push(person('ana'), entities('dose', 101), refused(400, 'BAD_REQUEST')),
    pull(person('ana'), '', { status: 200, json: { entities: [] } }),
  ]),
  limitCase('pull_page', 'at', 'A page holds 100 when that is asked for, and 50 when nothing is', (scene) => {
    const ana = scene.person('ana')
    const pushed = scene.entities('dose', 101)
    const holds = (query: string, count: number) =>
      pull(ana, query, {
        status: 200,
        json: { entities: Array.from({ length: count }, () => 'any:object'), has_more: true },
      })
    return [
      push(ana, pushed.slice(0, 100), accepted(100)),
      push(ana, pushed.slice(100), accepted(1)),
      holds('limit=100', 100),
      holds('', 50),
    ]
  }),
  limitCase('pull_page', 'over', 'A page of 101 is not to be had', ({ person }) => [
    pull(person('ana'), 'limit=101', refused(400, 'BAD_REQUEST')),
  ]),
  limitCase('storage_file', 'at', 'A file of 5 MiB, as it is when it was sealed, is kept', ({ person, entity }) => {
    const size = sealedSize(5 * mebibyte)
    return [putFile(person('ana'), entity('photo').id, size, { status: 200, json: { size } })]
  }),
  limitCase('storage_file', 'over', 'What no file of 5 MiB can become is refused, and not kept', (scene) => {
    const ana = scene.person('ana')
    const { id } = scene.entity('photo')
    return [
      putFile(ana, id, sealedSize(5 * mebibyte) + 1, refused(413, 'BODY_TOO_LARGE')),
      raw({ method: 'GET', path: `/files/${id}` }, refused(404, 'NOT_FOUND'), ana),
    ]
  }),
]
