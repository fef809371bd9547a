import { ErrorCode, UpdateFeatures } from '@milena/protocol'
import { FeatureUpgradeType } from '../features.js'
import { CLUSTER_NAME } from '../security/authorizer.js'
import { defineHandler } from '../server/handler.js'

/** Kafka's word for success in the answers of versions 0 and 1. */
const SUCCESS = 'NONE'

/**
 * Behaviour: all features or none. share.version takes effect at once: 0 turns share groups off, 2 (Kafka 4.4) dead-letter
 * queues on. Other features are remembered and told, and nothing follows from them.
 *
 * Versions: 0 knows no upgrade type, only whether lowering is allowed. 0 and 1 tell a result for each feature when all went
 * well; an error is one of the whole request.
 */
export const updateFeaturesHandler = defineHandler(UpdateFeatures, (request, context) => {
  if (!context.allows('Alter', 'Cluster', CLUSTER_NAME)) {
    return {
      throttleTimeMs: 0,
      errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
      errorMessage: 'Cluster authorization failed.',
      results: [],
    }
  }
  const updates = request.featureUpdates.map(({ feature, maxVersionLevel, allowDowngrade, upgradeType }) => ({
    name: feature,
    level: maxVersionLevel,
    upgradeType: context.version === 0 && allowDowngrade ? FeatureUpgradeType.safeDowngrade : upgradeType,
  }))
  const failure = context.cluster.features.update(updates, { validateOnly: request.validateOnly })
  if (failure !== undefined) {
    return {
      throttleTimeMs: 0,
      errorCode: failure.errorCode,
      errorMessage: `The update failed for all features since the following feature had an error: ${failure.errorMessage}`,
      results: [],
    }
  }
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    results: updates.map(({ name }) => ({ feature: name, errorCode: 0, errorMessage: SUCCESS })),
  }
})
