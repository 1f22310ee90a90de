import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { Plan } from '~/api/types'
import { toast } from '~/stores/toasts'
import { Confirm } from '~/ui/dialog'
import { planProblem } from '~/util/plan'

/** A refusal is told in words, and the list is read again: it may say by now why. */
async function decided(failed: string, call: () => Promise<unknown>) {
  try {
    await call()
  } catch (error) {
    toast.error(failed, planProblem(error))
    throw error
  } finally {
    void queryClient.invalidateQueries({ queryKey: keys.plans })
    void queryClient.invalidateQueries({ queryKey: keys.people })
    void queryClient.invalidateQueries({ queryKey: keys.accountQuota })
  }
}

/** Makes a plan the standard one, or leaves none where it is that already. */
export function StandardPlan({
  plan,
  before,
  onClose,
}: {
  plan: Plan | undefined
  /** The one until now. */
  before: Plan | undefined
  onClose: () => void
}) {
  const standard = plan?.standard ?? false
  return (
    <Confirm
      open={plan !== undefined}
      onClose={onClose}
      title={
        standard
          ? `Leave ${plan?.name} the standard plan no longer?`
          : `Make ${plan?.name} the standard plan?`
      }
      verb={standard ? 'Have no standard' : 'Make it the standard'}
      destroys={false}
      onConfirm={() =>
        plan &&
        decided('Not changed', () =>
          must(
            api.PATCH('/plans/{plan}', {
              params: { path: { plan: plan.id } },
              body: { standard: !standard },
            }),
          ),
        )
      }
    >
      {standard ? (
        'Everybody who is on no other plan and has no quota of their own has no limit from then on. Who was put on it stays on it.'
      ) : (
        <>
          Everybody who is on no other plan and has no quota of their own is on it at once
          {before ? `, instead of ${before.name}. Who was put on ${before.name} stays on it.` : '.'} Servers
          that have more keep it and get no more.
        </>
      )}
    </Confirm>
  )
}

export function DeletePlan({ plan, onClose }: { plan: Plan | undefined; onClose: () => void }) {
  return (
    <Confirm
      open={plan !== undefined}
      onClose={onClose}
      title={`Delete the plan ${plan?.name}?`}
      verb="Delete"
      onConfirm={() =>
        plan &&
        decided('Not deleted', async () => {
          await must(api.DELETE('/plans/{plan}', { params: { path: { plan: plan.id } } }))
          toast.done(`The plan ${plan.name} is deleted`)
        })
      }
    >
      Nobody is on it. This can’t be undone.
    </Confirm>
  )
}
