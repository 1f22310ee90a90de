import { useState } from 'react'
import { limitsOf, type Server } from '~/api/types'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { Switch } from '~/ui/bits'
import { Field, Input } from '~/ui/field'
import { LimitFields } from './limits'
import { SaveCard } from './save-card'

const t = texts('server_settings')

export function ServerLimitsForm({ server }: { server: Server }) {
  const { user } = useMay()
  // Whoever may make servers there sizes their own, within their quota.
  const own = server.owner.id === user?.id && server.permissions.includes('admin.server.create')
  const mayLimit = own || server.permissions.includes('admin.server.limits')
  const mayPolicy = server.permissions.includes('server.crash-policy')
  const [limits, setLimits] = useState(limitsOf(server.limits))
  const [policy, setPolicy] = useState(server.crash_policy)
  const [errors, setErrors] = useState<Record<string, string>>({})
  const changedLimits = JSON.stringify(limits) !== JSON.stringify(limitsOf(server.limits))
  const changedPolicy = JSON.stringify(policy) !== JSON.stringify(server.crash_policy)
  return (
    <SaveCard
      title={t('limits')}
      server={server}
      change={{ ...(changedLimits ? { limits } : {}), ...(changedPolicy ? { crash_policy: policy } : {}) }}
      dirty={changedLimits || changedPolicy}
      off={mayLimit || mayPolicy ? false : t('limits.may_not')}
      onErrors={setErrors}
    >
      <LimitFields limits={limits} errors={errors} disabled={!mayLimit} onChange={setLimits} />
      <div className="border-t border-line pt-4">
        <div className="flex min-h-8 items-center justify-between gap-3 max-sm:min-h-11">
          <span className="font-medium">{t('limits.restart')}</span>
          <Switch
            label={t('limits.restart')}
            disabled={!mayPolicy}
            checked={policy.restart}
            onChange={(event) => setPolicy({ ...policy, restart: event.target.checked })}
          />
        </div>
        {policy.restart && (
          <div className="mt-3 grid grid-cols-2 gap-4 max-md:grid-cols-1">
            <Field label={t('limits.most')} note={t('limits.most_note')}>
              {(ids) => (
                <Input
                  {...ids}
                  type="number"
                  min={1}
                  disabled={!mayPolicy}
                  value={policy.max_restarts}
                  onChange={(event) =>
                    setPolicy({ ...policy, max_restarts: Number(event.target.value) || 1 })
                  }
                />
              )}
            </Field>
            <Field label={t('limits.span')} note={t('limits.span_note')}>
              {(ids) => (
                <Input
                  {...ids}
                  type="number"
                  min={10}
                  disabled={!mayPolicy}
                  value={policy.window_s}
                  onChange={(event) => setPolicy({ ...policy, window_s: Number(event.target.value) || 10 })}
                />
              )}
            </Field>
          </div>
        )}
      </div>
    </SaveCard>
  )
}
