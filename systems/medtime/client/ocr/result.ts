import type { PrescriptionReading } from './reading.ts'
import type { RecognisedWord } from './recognised-text.ts'

/** What comes back of an image. */
export interface RecognitionResult extends PrescriptionReading {
  version: 1
  /** All that was read, line by line. */
  text: string
  words: RecognisedWord[]
}
