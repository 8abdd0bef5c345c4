import type { Trial } from 'aval'
import { clientRepeats } from './client-repeats.ts'
import { codeValidity } from './code-validity.ts'
import { messageLimits, smsAttempts } from './message-limits.ts'
import { ocrImage, ocrPixels } from './ocr-image.ts'
import { ocrTime } from './ocr-time.ts'
import type { TrialTools } from './trial-tools.ts'

/** What no exchange over HTTP shows of the limits. */
export function allTrials(tools: TrialTools): Trial[] {
  return [...clientRepeats, ...ocrImage, ...ocrPixels, ocrTime, ...messageLimits, smsAttempts, codeValidity].map(
    (make) => make(tools),
  )
}
