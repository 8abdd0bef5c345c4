import type { Rule } from './rule.ts'
import { alertCondition } from './rules/alert-condition.ts'
import { alertLabel } from './rules/alert-label.ts'
import { alertLabelValue } from './rules/alert-label-value.ts'
import { backupTrigger } from './rules/backup-trigger.ts'
import { burnRate } from './rules/burn-rate.ts'
import { checkFigure } from './rules/check-figure.ts'
import { commandFile } from './rules/command-file.ts'
import { criticalRunbook } from './rules/critical-runbook.ts'
import { databaseRole } from './rules/database-role.ts'
import { drillScenario } from './rules/drill-scenario.ts'
import { duplicatePort } from './rules/duplicate-port.ts'
import { embeddedProduction } from './rules/embedded-production.ts'
import { extensionEmbedded } from './rules/extension-embedded.ts'
import { failoverStandby } from './rules/failover-standby.ts'
import { forbiddenName } from './rules/forbidden-name.ts'
import { inhibitionOrder } from './rules/inhibition-order.ts'
import { labelValues } from './rules/label-values.ts'
import { limitTiers } from './rules/limit-tiers.ts'
import { lossUnreachable } from './rules/loss-unreachable.ts'
import { metricNotEmitted } from './rules/metric-not-emitted.ts'
import { migrationsMissing } from './rules/migrations-missing.ts'
import { missingFile } from './rules/missing-file.ts'
import { needsCycle } from './rules/needs-cycle.ts'
import { objectiveEmpty } from './rules/objective-empty.ts'
import { objectiveUnmeasured } from './rules/objective-unmeasured.ts'
import { percentileMetric } from './rules/percentile-metric.ts'
import { pointInTimeCover } from './rules/point-in-time-cover.ts'
import { probeTarget } from './rules/probe-target.ts'
import { promiseWithoutExercise } from './rules/promise-without-exercise.ts'
import { retentionGap } from './rules/retention-gap.ts'
import { retentionOrphan } from './rules/retention-orphan.ts'
import { runbookFile } from './rules/runbook-file.ts'
import { scenarioAction } from './rules/scenario-action.ts'
import { scenarioOrder } from './rules/scenario-order.ts'
import { schedule } from './rules/schedule.ts'
import { settingReserved } from './rules/setting-reserved.ts'
import { sharedServer } from './rules/shared-server.ts'
import { sqlReadOnly } from './rules/sql-read-only.ts'
import { sqlValid } from './rules/sql-valid.ts'
import { systemName } from './rules/system-name.ts'
import { tenantColumn } from './rules/tenant-column.ts'
import { timeZone } from './rules/time-zone.ts'
import { undeclaredDocument } from './rules/undeclared-document.ts'
import { unknownAlert } from './rules/unknown-alert.ts'
import { unknownChannel } from './rules/unknown-channel.ts'
import { unknownEscalation } from './rules/unknown-escalation.ts'
import { unknownLabel } from './rules/unknown-label.ts'
import { unknownNeed } from './rules/unknown-need.ts'
import { unknownRequirement } from './rules/unknown-requirement.ts'
import { unknownRunbook } from './rules/unknown-runbook.ts'
import { unknownSeverity } from './rules/unknown-severity.ts'
import { unknownStore } from './rules/unknown-store.ts'
import { unmatchedSeries } from './rules/unmatched-series.ts'

/** Every rule, by name. */
export const rules: readonly Rule[] = [
  alertCondition,
  alertLabelValue,
  alertLabel,
  backupTrigger,
  burnRate,
  checkFigure,
  commandFile,
  criticalRunbook,
  databaseRole,
  drillScenario,
  duplicatePort,
  embeddedProduction,
  extensionEmbedded,
  failoverStandby,
  forbiddenName,
  inhibitionOrder,
  labelValues,
  limitTiers,
  lossUnreachable,
  metricNotEmitted,
  migrationsMissing,
  missingFile,
  needsCycle,
  objectiveEmpty,
  objectiveUnmeasured,
  percentileMetric,
  pointInTimeCover,
  probeTarget,
  promiseWithoutExercise,
  retentionGap,
  retentionOrphan,
  runbookFile,
  scenarioAction,
  scenarioOrder,
  schedule,
  settingReserved,
  sharedServer,
  sqlReadOnly,
  sqlValid,
  systemName,
  tenantColumn,
  timeZone,
  undeclaredDocument,
  unknownAlert,
  unknownChannel,
  unknownEscalation,
  unknownLabel,
  unknownNeed,
  unknownRequirement,
  unknownRunbook,
  unknownSeverity,
  unknownStore,
  unmatchedSeries,
]
