import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { accountQuotaQuery, plansQuery } from '~/api/people'
import type { Plan } from '~/api/types'
import { Page, PageHead } from '~/components/page-head'
import { DeletePlan, StandardPlan } from '~/components/plan-decisions'
import { PlanTable } from '~/components/plan-table'
import { ProblemView } from '~/components/problem-view'
import { PlanDialog } from '~/forms/plan-edit'
import { useMay } from '~/hooks/use-may'
import { usePage } from '~/stores/page'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Empty, SkeletonRows } from '~/ui/wait'
import { boundBy, standardOf } from '~/util/plan'

export function PlansPage() {
  const search = useSearch({ from: '/app/plans' })
  const navigate = useNavigate({ from: '/plans' })
  const plans = useQuery(plansQuery)
  const quota = useQuery(accountQuotaQuery)
  const { admin, may } = useMay()
  const [changing, setChanging] = useState<Plan>()
  const [marking, setMarking] = useState<Plan>()
  const [removing, setRemoving] = useState<Plan>()
  usePage('Plans')
  const setNew = (open: boolean) => void navigate({ search: open ? { new: true } : {}, replace: true })
  const off = may('plan.create') ? false : 'You may not make plans'
  const bound = (plan: Plan) => boundBy(plan, quota.data, admin)
  return (
    <Page>
      <PageHead title="Plans" note={plans.data?.length}>
        <Button look="primary" icon={Plus} off={off} onClick={() => setNew(true)}>
          New plan
        </Button>
      </PageHead>
      <p className="mb-4 max-w-180 text-t2">
        What somebody’s servers may have together, under a name: a change counts at once for everybody who is
        on it. Whoever has a quota of their own is on none.
      </p>
      {plans.isError && <ProblemView error={plans.error} onRetry={() => void plans.refetch()} />}
      {plans.isPending && (
        <Card>
          <SkeletonRows rows={3} />
        </Card>
      )}
      {plans.data && (
        <Card>
          {plans.data.length === 0 ? (
            <Empty
              title="Nobody is bounded by a plan"
              action={
                <Button icon={Plus} off={off} onClick={() => setNew(true)}>
                  New plan
                </Button>
              }
            >
              Make one for each thing that you offer: so many servers, so much memory. Put people on it, and
              make one the standard for everybody else; until then, who has no quota of their own has no
              limit.
            </Empty>
          ) : (
            <PlanTable
              plans={plans.data}
              bound={bound}
              onChange={setChanging}
              onMark={setMarking}
              onDelete={setRemoving}
            />
          )}
        </Card>
      )}
      {plans.data && plans.data.length > 0 && !standardOf(plans.data) && (
        <p className="mt-3 text-12 text-t3">
          None is the standard: who is on no plan and has no quota of their own has no limit.
        </p>
      )}
      <PlanDialog
        planning={search.new === true ? 'new' : changing}
        bound={changing && bound(changing)}
        onClose={() => (search.new ? setNew(false) : setChanging(undefined))}
      />
      <StandardPlan plan={marking} before={standardOf(plans.data)} onClose={() => setMarking(undefined)} />
      <DeletePlan plan={removing} onClose={() => setRemoving(undefined)} />
    </Page>
  )
}
