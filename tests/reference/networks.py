"""Networks of torchvision (and of timm, where that is installed) beside the model section of skua's recipe."""
import functools
import sys

import torch
import torchvision

try:
    import timm
except ImportError:
    timm = None


def with_biases(model):
    """A network without norms, whose convolutions have biases."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, torch.nn.Conv2d):
                fields = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "groups")
                setattr(module, name, torch.nn.Conv2d(**{f: getattr(child, f) for f in fields}))
    return model


def wider_skips(model):
    """3x3 convolutions in the skip connections."""
    for module in list(model.modules()):
        if hasattr(module, "downsample") and module.downsample is not None:
            old = module.downsample[0]
            module.downsample[0] = torch.nn.Conv2d(old.in_channels, old.out_channels, 3, old.stride, 1, bias=False)
    return model


def max_pooled(model):
    model.avgpool = torch.nn.AdaptiveMaxPool2d(1)
    return model


def without_shortcuts(model):
    """Blocks that add nothing to what they make."""
    def forward(self, x):
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))

    for module in model.modules():
        if isinstance(module, torchvision.models.resnet.BasicBlock):
            module.forward = forward.__get__(module)
            module.downsample = None
    return model


resnet18 = torchvision.models.resnet18
group_norm = functools.partial(torch.nn.GroupNorm, 32)


def efficientnet(**options):
    return torchvision.models.efficientnet_b0(dropout=0.0, stochastic_depth_prob=0.0, **options)


# name: network of torch, model section
NETWORKS = {
    "resnet18": (resnet18, "arch: resnet18"),
    "resnet50": (torchvision.models.resnet50, "arch: resnet50"),
    "wide_resnet50_2": (torchvision.models.wide_resnet50_2, "arch: wide_resnet50_2"),
    "resnext50_32x4d": (torchvision.models.resnext50_32x4d, "arch: resnext50_32x4d"),
    "efficientnet_b0": (efficientnet, "arch: efficientnet_b0"),
    "group_norm": (lambda **o: resnet18(norm_layer=group_norm, **o), "arch: resnet18, norm: group"),
    "no_norm": (lambda **o: with_biases(resnet18(norm_layer=torch.nn.Identity, **o)), "arch: resnet18, norm: none"),
    "skip_kernel": (lambda **o: wider_skips(resnet18(**o)), "arch: resnet18, skip_kernel: 3"),
    "max_pool": (lambda **o: max_pooled(resnet18(**o)), "arch: resnet18, pool: max"),
    "zero_init": (functools.partial(resnet18, zero_init_residual=True), "arch: resnet18, zero_init_residual: true"),
    "no_residual": (lambda **o: without_shortcuts(resnet18(**o)), "arch: resnet18, residual: false"),
}
if timm:
    for arch in ("seresnet18", "seresnet50", "resnet18d", "resnet50d"):
        NETWORKS[arch] = (functools.partial(timm.create_model, arch), f"arch: {arch}")
else:
    print("timm is not installed: its networks are left out", file=sys.stderr)


def calibrate(norms, model):
    """Running statistics of some noise: deep networks forget their input where values are far from what norms await."""
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.randn(8, 3, 64, 64))
    for norm in norms:
        norm.running_mean += 0.2 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
        norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.5, 2.0)
        norm.momentum = 0.1


def randomize(model):
    """Fresh weights say little (every shift 0, every scale 1): all of norms is made random too."""
    batch = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in batch + [module for module in model.modules() if isinstance(module, torch.nn.GroupNorm)]:
        if norm.weight.any():  # zero_init_residual: stays so
            torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.normal_(norm.bias, std=0.2)
    calibrate(batch, model)
    return model
