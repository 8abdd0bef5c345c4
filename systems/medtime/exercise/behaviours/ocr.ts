import { refused, unauthenticated } from './answers.ts'
import { caseOf, get, raw } from './scene.ts'

const tried = 'ocr-tried'
const sealed = 'ocr-sealed'
/** Stands for what nobody but the patient should read. */
const marked = 'PARACETAMOL-7731'

const octets = { 'content-type': 'application/octet-stream' }
/** As long as a sealed image, of the right version, and sealed to no key there is. */
const unknownKey = `\u0001${marked.repeat(12)}`

export const ocr = [
  caseOf(tried, 'key', 'Walls that hold and a prescription that is read let a key be given out', ({ person }) => [
    raw(
      { method: 'GET', path: '/ocr/key' },
      {
        status: 200,
        json: {
          key_id: 're:^[\\w-]{22}$',
          public_key: 're:^[\\w-]{43}$',
          suite: 're:^DHKEM\\(X25519, HKDF-SHA256\\)',
          expires_at: 're:^\\d{4}-\\d\\d-\\d\\dT',
        },
      },
      person('ana'),
    ),
  ]),
  caseOf(tried, 'same-key', 'The key is the same for everybody, and says until when', ({ person }) => [
    {
      ...raw({ method: 'GET', path: '/ocr/key' }, { status: 200 }, person('ana')),
      save: { key: '/key_id', until: '/expires_at' },
    },
    raw(
      { method: 'GET', path: '/ocr/key' },
      { status: 200, json: { key_id: '{{key}}', expires_at: '{{until}}' } },
      person('bob'),
    ),
  ]),
  caseOf(sealed, 'nobody', 'Without a token there is no key, and no image is taken', () => [
    get('/ocr/key', unauthenticated),
    raw({ method: 'POST', path: '/ocr/process', text: unknownKey, headers: octets }, unauthenticated),
  ]),
  caseOf(sealed, 'unknown-key', 'What is sealed to another key is not taken, and not repeated', ({ person }) => [
    raw(
      { method: 'POST', path: '/ocr/process', text: unknownKey, headers: octets },
      refused(409, 'OCR_KEY_UNKNOWN', [marked]),
      person('ana'),
    ),
  ]),
  caseOf(sealed, 'in-clear', 'An image in clear is not taken, whatever it calls itself', ({ person }) => [
    ...['image/jpeg', 'image/png', 'application/json', 'multipart/form-data; boundary=x'].map((type) =>
      raw(
        { method: 'POST', path: '/ocr/process', text: `"${marked}"`, headers: { 'content-type': type } },
        refused(415, 'UNSUPPORTED_MEDIA_TYPE', [marked]),
        person('ana'),
      ),
    ),
    ...[marked, `\u0089PNG\r\n${marked.repeat(12)}`, `\u0001${marked}`].map((text) =>
      raw(
        { method: 'POST', path: '/ocr/process', text, headers: octets },
        refused(400, 'BAD_REQUEST', [marked]),
        person('bob'),
      ),
    ),
  ]),
  caseOf(sealed, 'too-large', 'More than an image may have is not taken', ({ person }) => [
    raw(
      { method: 'POST', path: '/ocr/process', text: unknownKey.padEnd(10.1 * 1_048_576, 'x'), headers: octets },
      refused(413, 'BODY_TOO_LARGE', [marked]),
      person('ana'),
    ),
  ]),
]
