import type { Trial } from 'aval'
import { clientRepeats } from './client-repeats.ts'
import { messageLimits, smsAttempts } from './message-limits.ts'
import { ocrImage } from './ocr-image.ts'
import type { TrialTools } from './trial-tools.ts'

/** What no exchange over HTTP shows of the limits. */
export function allTrials(tools: TrialTools): Trial[] {
  return [...clientRepeats, ...ocrImage, ...messageLimits, smsAttempts].map((make) => make(tools))
}
