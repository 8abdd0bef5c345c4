import { accepted, page, refused } from './answers.ts'
import { caseOf, pull, push, raw } from './scene.ts'

const promise = 'errors-are-blind'
/** Stands for what a person would not want to read in an error. */
const marked = 'PARACETAMOL-7731'

export const errorsAreBlind = [
  caseOf(promise, 'malformed-json', 'Malformed JSON is refused without repeating it', ({ person }) => {
    const ana = person('ana')
    return [`{"device_id":"${marked}"`, `${marked}`, `{"entities":[${marked}]}`, ''].map((text) =>
      raw({ method: 'POST', path: '/sync/push', text }, refused(400, 'BAD_REQUEST', [marked]), ana),
    )
  }),
  caseOf(promise, 'wrong-shape', 'A wrong shape is named by its place, never by its value', ({ person, entity }) => {
    const ana = person('ana')
    const wrong = [
      { ...entity('dose'), version: marked },
      { ...entity('dose'), id: marked },
      { ...entity('dose'), entity_type: marked },
      { ...entity('dose'), [marked]: true, version: 0 },
    ]
    return [
      ...wrong.map((item) => push(ana, [item], refused(400, 'BAD_REQUEST', [marked]))),
      raw({ method: 'POST', path: '/sync/push', json: [marked] }, refused(400, 'BAD_REQUEST', [marked]), ana),
      raw({ method: 'POST', path: '/sync/push', json: marked }, refused(400, 'BAD_REQUEST', [marked]), ana),
    ]
  }),
  caseOf(promise, 'rejected-blob', 'A refused blob is not repeated', ({ person, entity }) => {
    const ana = person('ana')
    const damaged = { ...entity('dose', { text: marked }), checksum: entity('other').checksum }
    const broken = { ...entity('broken'), encrypted_blob: `${marked}!` }
    return [push(ana, [damaged, broken], { status: 422, text: { lacks: [marked, damaged.encrypted_blob, 'stack'] } })]
  }),
  caseOf(promise, 'query', 'A wrong query is refused without repeating it', ({ person }) => {
    const ana = person('ana')
    return [
      pull(ana, `limit=${marked}`, refused(400, 'BAD_REQUEST', [marked])),
      pull(ana, `since=${marked}`, refused(400, 'BAD_REQUEST', [marked])),
      pull(ana, `cursor=${marked}`, refused(400, 'BAD_CURSOR', [marked])),
      pull(ana, `device_id=${marked}%20%20`, refused(400, 'BAD_REQUEST', [marked])),
    ]
  }),
  caseOf(promise, 'unknown-route', 'An unknown route is refused without repeating it', ({ person }) => [
    raw({ method: 'GET', path: `/${marked}` }, refused(404, 'NOT_FOUND', [marked])),
    raw({ method: 'GET', path: `/sync/${marked}?x=${marked}` }, refused(404, 'NOT_FOUND', [marked]), person('ana')),
  ]),
  caseOf(promise, 'wrong-method', 'A wrong method is refused', ({ person }) => {
    const ana = person('ana')
    return [
      raw({ method: 'GET', path: '/sync/push' }, refused(404, 'NOT_FOUND'), ana),
      raw({ method: 'POST', path: '/sync/pull', json: { note: marked } }, refused(404, 'NOT_FOUND', [marked]), ana),
      raw({ method: 'DELETE', path: '/sync/push' }, refused(404, 'NOT_FOUND'), ana),
    ]
  }),
  caseOf(promise, 'content-type', 'Another content type is refused', ({ person }) => {
    const ana = person('ana')
    return ['text/plain', 'application/xml', 'multipart/form-data; boundary=x'].map((type) =>
      raw(
        { method: 'POST', path: '/sync/push', text: marked, headers: { 'content-type': type } },
        refused(415, 'UNSUPPORTED_MEDIA_TYPE', [marked]),
        ana,
      ),
    )
  }),
  caseOf(promise, 'bad-token', 'A token that is refused is not repeated', () => [
    raw(
      { method: 'GET', path: '/sync/pull', headers: { authorization: `Bearer ${marked}` } },
      refused(401, 'UNAUTHENTICATED', [marked]),
    ),
  ]),
  caseOf(promise, 'null-byte', 'Text a database cannot hold is refused, not a failure', ({ person, entity }) => {
    const ana = person('ana')
    return [
      push(ana, [{ ...entity('dose'), key_id: 'key\u0000' }], refused(400, 'BAD_REQUEST')),
      push(ana, [entity('dose')], accepted(1)),
      pull(ana, '', page([entity('dose')])),
    ]
  }),
  caseOf(
    promise,
    'version-too-large',
    'A number a database cannot hold is refused, not a failure',
    ({ person, entity }) => {
      const ana = person('ana')
      return [
        push(ana, [entity('dose', { version: 2 ** 40 })], refused(400, 'BAD_REQUEST')),
        push(ana, [{ ...entity('dose'), version: 1e300 }], refused(400, 'BAD_REQUEST')),
      ]
    },
  ),
  caseOf(promise, 'body-too-large', 'A body that is too large is refused', ({ person }) => {
    const text = `{"device_id":"${marked}","entities":[],"padding":"${'x'.repeat(9 * 1_048_576)}"}`
    return [raw({ method: 'POST', path: '/sync/push', text }, refused(413, 'BODY_TOO_LARGE', [marked]), person('ana'))]
  }),
]
