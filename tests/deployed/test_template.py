"""`sam validate --lint` of template.yaml."""


def test_sam_and_cloudformation_understand_the_template(sam):
    sam.lint()
