import { useState } from 'react'
import { limitsOf, type Server } from '~/api/types'
import { Switch } from '~/ui/bits'
import { Field, Input } from '~/ui/field'
import { LimitFields } from './limits'
import { SaveCard } from './save-card'

export function ServerLimitsForm({ server }: { server: Server }) {
  const mayLimit = server.permissions.includes('admin.server.limits')
  const mayPolicy = server.permissions.includes('server.crash-policy')
  const [limits, setLimits] = useState(limitsOf(server.limits))
  const [policy, setPolicy] = useState(server.crash_policy)
  const [errors, setErrors] = useState<Record<string, string>>({})
  const changedLimits = JSON.stringify(limits) !== JSON.stringify(limitsOf(server.limits))
  const changedPolicy = JSON.stringify(policy) !== JSON.stringify(server.crash_policy)
  return (
    <SaveCard
      title="Limits"
      server={server}
      change={{ ...(changedLimits ? { limits } : {}), ...(changedPolicy ? { crash_policy: policy } : {}) }}
      dirty={changedLimits || changedPolicy}
      off={mayLimit || mayPolicy ? false : 'You may not change this'}
      onErrors={setErrors}
    >
      <LimitFields limits={limits} errors={errors} disabled={!mayLimit} onChange={setLimits} />
      <div className="border-t border-line pt-4">
        <div className="flex min-h-8 items-center justify-between gap-3 max-sm:min-h-11">
          <span className="font-medium">Start again after a crash</span>
          <Switch
            label="Start again after a crash"
            disabled={!mayPolicy}
            checked={policy.restart}
            onChange={(event) => setPolicy({ ...policy, restart: event.target.checked })}
          />
        </div>
        {policy.restart && (
          <div className="mt-3 grid grid-cols-2 gap-4 max-md:grid-cols-1">
            <Field label="At most" note="times in the span">
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
            <Field label="Span" note="seconds">
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
