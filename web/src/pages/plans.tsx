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
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Empty, SkeletonRows } from '~/ui/wait'
import { boundBy, standardOf } from '~/util/plan'

const t = texts('plans')

export function PlansPage() {
  const search = useSearch({ from: '/app/plans' })
  const navigate = useNavigate({ from: '/plans' })
  const plans = useQuery(plansQuery)
  const quota = useQuery(accountQuotaQuery)
  const { admin, may } = useMay()
  const [changing, setChanging] = useState<Plan>()
  const [marking, setMarking] = useState<Plan>()
  const [removing, setRemoving] = useState<Plan>()
  usePage(t('page'))
  const setNew = (open: boolean) => void navigate({ search: open ? { new: true } : {}, replace: true })
  const off = may('plan.create') ? false : t('no_right.make')
  const bound = (plan: Plan) => boundBy(plan, quota.data, admin)
  return (
    <Page>
      <PageHead title={t('page')} note={plans.data?.length}>
        <Button look="primary" icon={Plus} off={off} onClick={() => setNew(true)}>
          {t('new')}
        </Button>
      </PageHead>
      <p className="mb-4 max-w-180 text-t2">{t('about')}</p>
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
              title={t('none')}
              action={
                <Button icon={Plus} off={off} onClick={() => setNew(true)}>
                  {t('new')}
                </Button>
              }
            >
              {t('none_why')}
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
        <p className="mt-3 text-12 text-t3">{t('no_standard')}</p>
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
