import type { Mutation } from 'aval'
import { accountsMutations } from './accounts.ts'
import { appMutations } from './app.ts'
import { blindnessMutations } from './blindness.ts'
import { catalogMutations } from './catalog.ts'
import { devicesMutations } from './devices.ts'
import { familyMutations } from './family.ts'
import { filesMutations } from './files.ts'
import { limitsAndRightsMutations } from './limits-and-rights.ts'
import { messagesMutations } from './messages.ts'
import { ocrMutations } from './ocr.ts'
import { ratesMutations } from './rates.ts'
import { requestsMutations } from './requests.ts'
import { serviceMutations } from './service.ts'
import { sizesMutations } from './sizes.ts'
import { syncPullMutations } from './sync-pull.ts'
import { syncPushMutations } from './sync-push.ts'
import { syncRotateMutations } from './sync-rotate.ts'
import { telemetryMutations } from './telemetry.ts'
import { trialsMutations } from './trials.ts'

/** At least one break for every promise of the services, and for what a recovery must not lose. */
export const allMutations: readonly Mutation[] = [
  ...syncPushMutations,
  ...syncPullMutations,
  ...syncRotateMutations,
  ...filesMutations,
  ...serviceMutations,
  ...limitsAndRightsMutations,
  ...catalogMutations,
  ...familyMutations,
  ...ocrMutations,
  ...accountsMutations,
  ...messagesMutations,
  ...appMutations,
  ...sizesMutations,
  ...ratesMutations,
  ...trialsMutations,
  ...requestsMutations,
  ...devicesMutations,
  ...blindnessMutations,
  ...telemetryMutations,
]
