import { accepted, page, refused, rejected, rejection } from './answers.ts'
import { caseOf, pull, push } from './scene.ts'

const promise = 'blob-validation'
const limit = 1_048_576

export const blobValidation = [
  caseOf(promise, 'checksum', 'A blob that does not fit its checksum is named and refused', ({ person, entity }) => {
    const ana = person('ana')
    const damaged = { ...entity('damaged'), checksum: entity('other').checksum }
    return [
      push(ana, [entity('sound'), damaged], rejected([rejection(1, damaged, 'checksum')])),
      pull(ana, '', page([])),
    ]
  }),
  caseOf(promise, 'at-the-limit', 'A blob of exactly 1 MB is kept and comes back whole', ({ person, entity }) => {
    const ana = person('ana')
    const whole = entity('whole', { size: limit })
    return [push(ana, [whole], accepted(1)), pull(ana, '', page([whole]))]
  }),
  caseOf(promise, 'over-the-limit', 'A blob of one byte more is refused', ({ person, entity }) => {
    const ana = person('ana')
    const over = entity('over', { size: limit + 1 })
    return [push(ana, [over], rejected([rejection(0, over, 'too_large')])), pull(ana, '', page([]))]
  }),
  caseOf(promise, 'base64', 'A blob that is not base64 is refused', ({ person, entity }) => {
    const ana = person('ana')
    const broken = ['@@@@', 'QUJD*A==', 'QUJDR', 'QU JD'].map((blob, index) => ({
      ...entity(`broken-${index}`),
      encrypted_blob: blob,
    }))
    return [
      push(ana, broken, rejected(broken.map((item, index) => rejection(index, item, 'format')))),
      pull(ana, '', page([])),
    ]
  }),
  caseOf(promise, 'duplicate', 'The same entity twice in a batch is refused', ({ person, entity }) => {
    const ana = person('ana')
    const [first, again] = [entity('dose'), entity('dose', { version: 2 })]
    return [
      push(ana, [first, entity('other'), again], rejected([rejection(2, again, 'duplicate')])),
      pull(ana, '', page([])),
    ]
  }),
  caseOf(promise, 'empty', 'An entity without content is refused', ({ person, entity }) => {
    const ana = person('ana')
    const hollow = entity('hollow', { text: '' })
    return [push(ana, [hollow], rejected([rejection(0, hollow, 'empty')])), pull(ana, '', page([]))]
  }),
  caseOf(promise, 'all-named', 'Every offending item is named with its own reason', ({ person, entity }) => {
    const ana = person('ana')
    const damaged = { ...entity('damaged'), checksum: entity('other').checksum }
    const broken = { ...entity('broken'), encrypted_blob: '@@@@' }
    const over = entity('over', { size: limit + 1 })
    const batch = [entity('sound'), damaged, broken, over, entity('sound too')]
    const reasons = [rejection(1, damaged, 'checksum'), rejection(2, broken, 'format'), rejection(3, over, 'too_large')]
    return [push(ana, batch, rejected(reasons)), pull(ana, '', page([]))]
  }),
  caseOf(promise, 'batch-size', 'A batch holds 1 to 100 entities', ({ person, entities }) => {
    const ana = person('ana')
    return [
      push(ana, [], refused(400, 'BAD_REQUEST')),
      push(ana, entities('dose', 101), refused(400, 'BAD_REQUEST')),
      pull(ana, '', page([])),
    ]
  }),
  caseOf(
    promise,
    'shape',
    'What is not of the agreed shape is refused with the place where it is not',
    ({ person, entity }) => {
      const ana = person('ana')
      const sound = entity('dose')
      const { checksum: _, ...unchecked } = sound
      const wrong = [
        { place: 'id', item: { ...sound, id: 'not-a-uuid' } },
        { place: 'version', item: { ...sound, version: 0 } },
        { place: 'version', item: { ...sound, version: -1 } },
        { place: 'version', item: { ...sound, version: 1.5 } },
        { place: 'version', item: { ...sound, version: '1' } },
        { place: 'deleted', item: { ...sound, deleted: 'no' } },
        { place: 'entity_type', item: { ...sound, entity_type: 'Medication!' } },
        { place: 'entity_type', item: { ...sound, entity_type: 'x'.repeat(65) } },
        { place: 'key_id', item: { ...sound, key_id: '' } },
        { place: 'checksum', item: { ...sound, checksum: 'zz' } },
        { place: 'checksum', item: unchecked },
      ]
      return [
        ...wrong.map(({ place, item }) =>
          push(ana, [item], { ...refused(400, 'BAD_REQUEST'), json: { detail: `re:${place}` } }),
        ),
        push(ana, [sound], refused(400, 'BAD_REQUEST'), { device: 'no spaces allowed' }),
        push(ana, [sound], refused(400, 'BAD_REQUEST'), { device: 'd'.repeat(65) }),
        pull(ana, '', page([])),
      ]
    },
  ),
]
