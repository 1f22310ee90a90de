import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { Plan } from '~/api/types'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Confirm } from '~/ui/dialog'
import { planProblem } from '~/util/plan'

const t = texts('plans')

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
      title={t(standard ? 'standard.leave_title' : 'standard.make_title', { name: plan?.name ?? '' })}
      verb={t(standard ? 'standard.have_none' : 'standard.make')}
      destroys={false}
      onConfirm={() =>
        plan &&
        decided(t('standard.failed'), () =>
          must(
            api.PATCH('/plans/{plan}', {
              params: { path: { plan: plan.id } },
              body: { standard: !standard },
            }),
          ),
        )
      }
    >
      {standard
        ? t('standard.leave_note')
        : before
          ? t('standard.make_note_instead', { before: before.name })
          : t('standard.make_note')}
    </Confirm>
  )
}

export function DeletePlan({ plan, onClose }: { plan: Plan | undefined; onClose: () => void }) {
  return (
    <Confirm
      open={plan !== undefined}
      onClose={onClose}
      title={t('delete.title', { name: plan?.name ?? '' })}
      verb={t('delete')}
      onConfirm={() =>
        plan &&
        decided(t('delete.failed'), async () => {
          await must(api.DELETE('/plans/{plan}', { params: { path: { plan: plan.id } } }))
          toast.done(t('delete.done', { name: plan.name }))
        })
      }
    >
      {t('delete.note')}
    </Confirm>
  )
}
