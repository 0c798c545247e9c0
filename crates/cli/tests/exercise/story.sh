# The exercise with kubectl, end to end. Every line must succeed, and the answers must be these.
set -euo pipefail
examples=$1

source "$(dirname "$0")/../is.sh"

count() { "$@" --no-headers 2>/dev/null | wc -l | tr -d ' '; }

# 2: the definitions are there
for name in nodepools nodeclaims; do kubectl get crd "$name.karpenter.sh" >/dev/null; done
kubectl get crd ec2nodeclasses.karpenter.k8s.aws >/dev/null

# 3 and 4: a class and two NodePools, which become ready
kubectl apply -f "$examples/namespaces.yaml" -f "$examples/node-pools.yaml"
kubectl wait ec2nodeclass default --for=condition=Ready --timeout=60s
kubectl wait nodepool general-purpose spot-batch --for=condition=Ready --timeout=60s
is "general-purpose=50 spot-batch=100" kubectl get nodepools -o \
  'jsonpath={range .items[0]}{.metadata.name}={.spec.weight}{end}{" "}{range .items[1]}{.metadata.name}={.spec.weight}{end}'

# 1: beside a Cluster Autoscaler nothing is bought, and it is said how to remove it
kubectl apply -f - <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: cluster-autoscaler, namespace: kube-system}
spec:
  selector: {matchLabels: {app: cluster-autoscaler}}
  template:
    metadata: {labels: {app: cluster-autoscaler}}
    spec:
      nodeSelector: {eks.amazonaws.com/nodegroup: system}
      containers: [{name: autoscaler, image: "registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.0"}]
YAML
kubectl wait nodepool spot-batch --for=condition=AutoscalerConflict=True --timeout=60s
kubectl apply -f "$examples/video-encode-batch.yaml"
sleep 2
is 0 count kubectl get nodeclaims
kubectl get nodepool spot-batch -o \
  'jsonpath={.status.conditions[?(@.type=="AutoscalerConflict")].message}' | grep -q "kubectl"
kubectl delete deployment cluster-autoscaler --namespace=kube-system
kubectl wait nodepool spot-batch --for=condition=AutoscalerConflict=False --timeout=60s

# 5: spot nodes are there within 90 seconds, which are 9 at this speed; the Job completes on them
end=$((SECONDS + 60))
until [ "$(count kubectl get nodes -l karpenter.sh/capacity-type=spot)" -gt 0 ]; do
  [ $SECONDS -lt $end ] || { kubectl get nodeclaims,events >&2; exit 1; }
  sleep 0.2
done
kubectl wait node -l karpenter.sh/nodepool=spot-batch --for=condition=Ready --timeout=60s
kubectl get nodes -L node.kubernetes.io/instance-type,topology.kubernetes.io/zone,karpenter.sh/capacity-type
is spot bash -c "kubectl get nodes -o 'jsonpath={.items[*].metadata.labels.karpenter\.sh/capacity-type}' | tr ' ' '\n' | sort -u"
kubectl wait job video-encode-batch --namespace=batch --for=condition=Complete --timeout=300s
is 50 kubectl get job video-encode-batch --namespace=batch -o 'jsonpath={.status.succeeded}'
kubectl get nodepools,nodeclaims

# 6: what it cost, by namespace and by team, as soon as it was measured: a minute, which is 6 seconds here. The Service
# brings a load balancer
kubectl create service loadbalancer front --tcp=80:80 --namespace=batch
spent() {
  curl -s "http://localhost:$1/allocation/compute" -d window=1d -d "aggregate=$2" -d accumulate=true | python3 -c '
import json, sys
for name, row in json.load(sys.stdin)["data"][0].items():
    if row["totalCost"] > 0: print(name)'
}
end=$((SECONDS + 90))
until spent "$UI_PORT" namespace | grep -qx batch && spent "$COST_PORT/model" label:team | grep -qx media; do
  [ $SECONDS -lt $end ] || { curl -s "http://localhost:$UI_PORT/allocation" -d window=1d >&2; exit 1; }
  sleep 0.5
done
"$SUPERCARGO" cost --window 1d --from "http://localhost:$COST_PORT" | grep -q "^media  *batch "
"$SUPERCARGO" cost assets --window 1d --from "http://localhost:$UI_PORT/model" | grep "^Node " | grep -q "spot-history"
until "$SUPERCARGO" cost assets --window 1d --from "http://localhost:$COST_PORT" | grep -q "^LoadBalancer  *batch/front "; do
  [ $SECONDS -lt $end ] || { kubectl get services -A >&2; exit 1; }
  sleep 0.5
done

# how long a machine took from its claim to its node, by the cluster's clock
kubectl get nodeclaims -o json | python3 -c '
import datetime, json, sys
for claim in json.load(sys.stdin)["items"]:
    at = lambda text: datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    born = at(claim["metadata"]["creationTimestamp"])
    conditions = {c["type"]: c for c in claim["status"]["conditions"]}
    took = (at(conditions["Registered"]["lastTransitionTime"]) - born).total_seconds()
    assert took <= 90, (claim["metadata"]["name"], took)
'

# 7: with the NodePools their nodes go
kubectl delete nodepool spot-batch general-purpose --timeout=120s
kubectl wait nodeclaim --all --for=delete --timeout=120s
is 0 count kubectl get nodes
