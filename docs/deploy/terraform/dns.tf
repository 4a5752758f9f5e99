# One record for each public name. Where external-dns makes them of the Ingress
# or Gateway, leave hosts empty.
resource "aws_route53_record" "host" {
  for_each = var.hosts
  zone_id  = var.zone_id
  name     = each.key
  type     = "CNAME"
  ttl      = 300
  records  = [each.value]
}
